"""Jobs to array tasks, and those to arrays."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

from ..job import Job

Item = TypeVar("Item")
# Tasks an array, which is what SLURM allows unless it is set up otherwise.
MOST_TASKS = 1000


def pack(jobs: Sequence[tuple[Job, float | None]], seconds: float, at_once: int) -> list[list[Job]]:
    """As many jobs, in their order, into a task as fit the time, and as run at once.

    Args:
        jobs: with the seconds that each is expected to take; None: unknown.
        seconds: of a task.
        at_once: jobs that a task runs side by side.
    """
    tasks: list[list[Job]] = [[]]
    room = seconds * at_once
    for job, expected in jobs:
        needed = seconds if expected is None else expected
        if needed > room and tasks[-1]:
            tasks.append([])
            room = seconds * at_once
        tasks[-1].append(job)
        room -= needed
    return tasks if tasks[-1] else []


def chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Pieces of at most `size`."""
    remaining = iter(items)
    while piece := list(islice(remaining, size)):
        yield piece
