"""What is to be done: a job and its steps. Plain data, which a process reads without PyTorch."""

from pathlib import Path
from typing import NamedTuple

from rpo.runs import RESULTS, RUN, RunFolder

# Keys that change what prompts become, and neither CLIP's own pass over the images nor their order.
SAME_BATCHES = (
    "OPTIM.LR",
    "OPTIM.MOMENTUM",
    "OPTIM.WEIGHT_DECAY",
    "TRAINER.RPO.INIT",
    "TRAINER.RPO.NOISE",
    "TRAINER.RPO.MODALITY",
    "TRAINER.RPO.GRADIENT_TOLERANCE",
)


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

    def batches(self) -> tuple[str, ...]:
        """Jobs with the same answer train on the same images in the same order, with RPO.

        They differ in nothing but keys that draw no other random numbers: see `SAME_BATCHES`.
        """
        if self.method != "RPO" or not self.steps[0].trains:
            return (str(self.steps[0].folder),)
        words = list(self.steps[0].arguments)
        for key in ("--output-dir", *SAME_BATCHES):
            while key in words:
                place = words.index(key)
                del words[place : place + 2]
        return tuple(words)

    def unfinished(self) -> list[Step]:
        """The steps that their folders do not show as done, whatever their configuration."""
        return [step for step in self.steps if not _done(self.steps[0], step)]


def _done(first: Step, step: Step) -> bool:
    return RunFolder(step.folder).is_finished() if step.trains else evaluated(first, step)


def evaluated(first: Step, step: Step) -> bool:
    """Whether an evaluation has results that can be read, of the training `first` as it ended."""
    results, run = step.folder / RESULTS, first.folder / RUN
    if not RunFolder(step.folder).has_results(of_whole_training=True):
        return False
    if not first.trains:
        return True
    return run.is_file() and results.stat().st_mtime_ns >= run.stat().st_mtime_ns
