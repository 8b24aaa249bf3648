"""What is to be done: a job and its steps. Plain data, which a process reads without PyTorch."""

from pathlib import Path
from typing import NamedTuple

from rpo.runs import RESULTS, RUN, RunFolder


class Step(NamedTuple):
    """One `rpo train` command.

    Attributes:
        shown: what its accuracy is called.
        folder: what it writes to.
        trains: whether it trains; otherwise it only evaluates.
    """

    shown: str
    folder: Path
    trains: bool
    arguments: tuple[str, ...]


class Job(NamedTuple):
    """Steps for one process. The first one trains, unless the method learns nothing.

    Attributes:
        label: what it is about.
        report: the folder that `rpo report` finds its results in.
    """

    method: str
    label: str
    report: Path
    steps: tuple[Step, ...]

    def unfinished(self) -> list[Step]:
        """The steps that their folders do not show as done, whatever their configuration."""
        return [step for step in self.steps if not _done(self.steps[0], step)]


def _done(first: Step, step: Step) -> bool:
    return RunFolder(step.folder).is_finished() if step.trains else evaluated(first, step)


def evaluated(first: Step, step: Step) -> bool:
    """Whether there are results of an evaluation that are not older than the training `first`."""
    results, run = step.folder / RESULTS, first.folder / RUN
    if not results.is_file() or not first.trains:
        return results.is_file()
    return run.is_file() and results.stat().st_mtime_ns >= run.stat().st_mtime_ns
