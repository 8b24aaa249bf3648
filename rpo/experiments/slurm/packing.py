"""Jobs to array tasks, and those to arrays."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

from ..job import Job

Item = TypeVar("Item")
# Tasks an array, which is what SLURM allows unless it is set up otherwise.
MOST_TASKS = 1000


def pack(jobs: Sequence[tuple[Job, float | None]], seconds: float) -> list[list[Job]]:
    """As many jobs, in their order, into a task as fit the time; what is not known stays alone.

    Args:
        jobs: with the seconds that each is expected to take of its task.
    """
    tasks: list[list[Job]] = []
    room = 0.0
    for job, expected in jobs:
        if expected is None or expected > room or not tasks:
            tasks.append([])
            room = seconds if expected is not None else 0.0
        tasks[-1].append(job)
        room -= expected or 0.0
    return tasks


def chunks(items: Sequence[Item], size: int) -> Iterator[list[Item]]:
    """Pieces of at most `size`."""
    remaining = iter(items)
    while piece := list(islice(remaining, size)):
        yield piece
