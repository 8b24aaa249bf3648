"""How far every run below an output folder is. Its folders tell; the queue says what waits."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rpo.runs import (
    FAILURE,
    HOLDER,
    LOG,
    RESULTS,
    RUN,
    RunFolder,
    failure_of,
    is_held,
    read_object,
)

from .job import Job, Step
from .progress import duration
from .slurm import unstarted
from .slurm.controller import Entry
from .slurm.records import Records

FINISHED, RUNNING, QUEUED = "finished", "running", "queued"
FAILED, INTERRUPTED, MISSING = "failed", "interrupted", "not started"
EMPTY: Mapping[str, Any] = {}
STATES = (FINISHED, RUNNING, QUEUED, FAILED, INTERRUPTED, MISSING)


class Place(NamedTuple):
    """Where SLURM is told to do a job."""

    submission: str
    task: int


class Status(NamedTuple):
    """Of one job; `note` says where it runs and how far, why it waits, or what went wrong."""

    job: Job
    state: str
    note: str = ""


def statuses(output: Path, entries: Sequence[Entry], known_queue: bool = True) -> list[Status]:
    """Of all jobs that were handed to SLURM, and of all runs that were started in another way.

    Args:
        entries: what SLURM has in its queue.
        known_queue: whether that is all; else a task that is not among them may yet begin.
    """
    records = Records(output)
    silent = unstarted.logs(records) if known_queue else {}
    waiting = {Place(entry.name, entry.task): entry for entry in entries}
    known: dict[tuple[Path, ...], Status] = {}
    for submission in records.submissions():
        for index, jobs in enumerate(submission.tasks):
            place = Place(submission.name, index)
            said = records.task(*place)
            for job in jobs:  # the latest submission counts, and any that is still in the queue
                found = status(job, waiting.get(place), said)
                found = never_begun(found, silent[place]) if place in silent else found
                if known.get(key(job), found).state != QUEUED or found.state == QUEUED:
                    known[key(job)] = found
    folders = {folder for found in known for folder in found}
    others = [status(job) for job in started_elsewhere(output, folders)]
    return [*known.values(), *others]


def never_begun(found: Status, log: Path) -> Status:
    """Of a job whose task ended before it said anything, unless it was started elsewhere since."""
    records = [step.folder / RUN for step in found.job.steps if (step.folder / RUN).is_file()]
    since = any(path.stat().st_mtime > log.stat().st_mtime for path in records)
    if found.state not in (INTERRUPTED, MISSING) or since:
        return found
    return Status(found.job, FAILED, unstarted.reason(log))


def key(job: Job) -> tuple[Path, ...]:
    """What tells jobs apart: where they write."""
    return tuple(Path(os.path.abspath(step.folder)) for step in job.steps)


def started_elsewhere(output: Path, known: set[Path]) -> Iterator[Job]:
    """A job for each run that has a folder, also where it failed before it had begun."""
    for folder in sorted({path.parent for name in (RUN, FAILURE) for path in output.rglob(name)}):
        if Path(os.path.abspath(folder)) not in known and ".previous" not in str(folder):
            label = str(folder.relative_to(output))
            yield Job("", label, folder, (Step("", folder, True, ()),))


def status(job: Job, entry: Entry | None = None, said: Mapping[str, Any] = EMPTY) -> Status:
    """Of a job that is in the queue as `entry`, where that is not None.

    Args:
        said: what its task wrote of itself.
    """
    try:
        left = job.unfinished()
    except ValueError as error:
        return Status(job, FAILED, str(error))
    if not left:
        return Status(job, FINISHED)
    held = [step for step in job.steps if is_held(RunFolder(step.folder))]
    if held:
        return Status(job, RUNNING, running_note(held[0]))
    failure = failure_of(RunFolder(left[0].folder))
    started = said.get("since", "")
    tried = entry is not None and entry.state == "RUNNING" and started <= failure.get("since", "")
    if failure and (entry is None or tried):
        times = f", {failure['count']} times" if failure["count"] > 1 else ""
        where = f"{failure['host']}, {failure['since']}{times}; log: {left[0].folder / LOG}"
        return Status(job, FAILED, f"{last_sentence(failure['error'])} ({where})")
    if entry is not None:
        return Status(job, QUEUED, queued_note(entry))
    begun = any((step.folder / RUN).is_file() for step in job.steps)
    return Status(job, INTERRUPTED if begun else MISSING, how_far(job.steps[0]) if begun else "")


def last_sentence(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def running_note(step: Step) -> str:
    """Host, epoch and time left."""
    try:
        who = read_object(step.folder / HOLDER)
        place = f"on {who['host']} since {who['since']}"
    except (OSError, ValueError, KeyError):  # it has ended just now
        place = ""
    return ", ".join(filter(None, (place, how_far(step) if step.trains else "evaluating")))


def how_far(step: Step) -> str:
    """Its epoch, and the time that the others will take; or what a finished training has lost."""
    folder = RunFolder(step.folder)
    stored = folder.stored() if step.trains else None
    if stored is None:
        return ""
    if stored.get("finished") and not folder.is_finished():
        lost = "checkpoint" if folder.has_results() else RESULTS
        return f"it had ended; its {lost} is missing or damaged"
    try:
        done = len(folder.history())
    except ValueError as error:
        return str(error)
    total = stored["config"].get("OPTIM", {}).get("MAX_EPOCH", 0)
    said = f"epoch {done} of {total}"
    seconds = (stored.get("seconds") or {}).get("train", 0.0)
    if done and done < total:
        said += f", about {duration(seconds / done * (total - done))} of training left"
    return said


def queued_note(entry: Entry) -> str:
    """Its task, and what that waits for."""
    if entry.node:
        return f"task {entry.id} on {entry.node}"
    # SLURM lets what was queued again wait for about two minutes.
    timed = entry.reason == "BeginTime" and entry.start != "N/A"
    return f"task {entry.id}, {entry.reason}{f' until {entry.start}' if timed else ''}"
