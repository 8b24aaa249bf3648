"""Which runs were handed to SLURM: OUTPUT/slurm/, where also the logs of its tasks lie.

    <submission>.json           its array tasks and their runs; written before it is submitted
    <submission>-<index>.json   where the task runs, until when, and how often it was interrupted
    <submission>.cancelled      it is not to be queued again
    <job>_0_log.out, .err       what a task printed; <job>_submission.sh: the script

The submission's name is that of its jobs in the queue, so that the queue says what it holds also
where a command died right after submitting.
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from rpo.files import write_json, write_text
from rpo.runs import now, read_object

from ..job import Job, Step

FOLDER = "slurm"


class Submission(NamedTuple):
    """An array that was handed over: the jobs of each task."""

    name: str
    tasks: list[list[Job]]


class Records:
    """The submissions of an output folder."""

    def __init__(self, output: Path) -> None:
        self.output = output
        # submitit's folder must be there when sbatch is called, and SLURM makes none for logs; what
        # has %j in its path is none yet, so that it is one flat folder.
        self.folder = output / FOLDER

    def open(self) -> None:
        """Makes the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One command at a time looks what is queued and submits the rest."""
        with FileLock(self.folder / ".lock", mode=0o666):
            yield

    def add(self, protocol: str, tasks: Sequence[Sequence[Job]]) -> str:
        """Notes a submission that is about to be made; returns its name."""
        name = f"rpo-{re.sub(r'[^A-Za-z0-9_]+', '_', protocol)}-{secrets.token_hex(4)}"
        rows = [[self._packed(job) for job in task] for task in tasks]
        write_json(self.folder / f"{name}.json", {"submitted": now(), "tasks": rows})
        return name

    def remove(self, name: str) -> None:
        """It was not submitted."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)

    def submissions(self) -> list[Submission]:
        """All of them, oldest first."""
        files = [*self.folder.glob(f"rpo-*-{'[0-9a-f]' * 8}.json")]
        contents = {file: read_object(file) for file in files}
        files.sort(key=lambda file: contents[file]["submitted"])
        return [Submission(file.stem, self._tasks(contents[file])) for file in files]

    def _tasks(self, content: dict[str, Any]) -> list[list[Job]]:
        return [[self._unpacked(job) for job in task] for task in content["tasks"]]

    @contextmanager
    def cancelled(self, names: Iterable[str]) -> Iterator[None]:
        """Marks submissions, so that no task queues itself again; unless cancelling then fails."""
        marks = [self.folder / f"{name}.cancelled" for name in names]
        for mark in marks:
            write_text(mark, f"{now()}\n")
        try:
            yield
        except (OSError, ValueError):
            for mark in marks:
                mark.unlink()
            raise

    def is_cancelled(self, name: str) -> bool:
        return (self.folder / f"{name}.cancelled").exists()

    def task(self, name: str, index: int) -> dict[str, Any]:
        """What a task said of itself; empty where it has not started yet."""
        path = self.folder / f"{name}-{index}.json"
        return read_object(path) if path.is_file() else {}

    def write_task(self, name: str, index: int, content: dict[str, Any]) -> None:
        write_json(self.folder / f"{name}-{index}.json", content)

    def _packed(self, job: Job) -> dict[str, Any]:
        """As JSON; folders from the output folder on, which another host may know elsewhere."""
        steps = [
            {**step._asdict(), "folder": os.path.relpath(step.folder, self.output)}
            for step in job.steps
        ]
        report = os.path.relpath(job.report, self.output)
        return {**job._asdict(), "report": report, "steps": steps}

    def _unpacked(self, row: dict[str, Any]) -> Job:
        steps = tuple(
            Step(**{**step, "folder": self.output / step["folder"], "arguments": ()})
            for step in row["steps"]
        )
        return Job(row["method"], row["label"], self.output / row["report"], steps)
