"""One line a finished job: its accuracies, its time, and the time that is left."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import mean

from rpo.runs import RESULTS, read_object

from .child import Outcome
from .job import Job, Step


class Progress:
    """Counts jobs and estimates the rest by what those of the same method took."""

    def __init__(self, total: int, todo: Sequence[Job], processes: int) -> None:
        self.total, self.processes = total, processes
        self.left = list(todo)
        self.failed: list[Outcome] = []
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def line(self, outcome: Outcome) -> str:
        """What is said of a job that has ended."""
        self.left.remove(outcome.job)
        head = f"[{self.total - len(self.left)}/{self.total}] {outcome.job.label}: "
        took = f"({duration(outcome.seconds)})"
        if outcome.error:
            self.failed.append(outcome)
            return "\n    ".join([f"{head}FAILED {took}", *outcome.error.splitlines()])
        self.seconds[outcome.job.method].append(outcome.seconds)
        shown = ", ".join(f"{step.shown} {accuracy(step)}" for step in outcome.job.steps)
        rest = f"; about {duration(self.remaining())} left" if self.left else ""
        return f"{head}{shown} {took}{rest}"

    def refused(self, problem: str, jobs: Sequence[Job]) -> str:
        """What is said, once, of jobs that cannot start for the same reason."""
        for job in jobs:
            self.left.remove(job)
            self.failed.append(Outcome(job, problem, 0.0))
        labels = f"{jobs[0].label}, ..." if len(jobs) > 1 else jobs[0].label
        plural = "s" if len(jobs) > 1 else ""
        return f"{len(jobs)} job{plural} cannot start ({labels}): {problem}"

    def remaining(self) -> float:
        """Seconds."""
        overall = mean(second for seconds in self.seconds.values() for second in seconds)
        expected = {method: mean(seconds) for method, seconds in self.seconds.items()}
        return sum(expected.get(job.method, overall) for job in self.left) / self.processes


def accuracy(step: Step) -> str:
    """Percent, of what a finished step wrote; a dash if it was told to test nothing."""
    path = step.folder / RESULTS
    result = read_object(path) if path.is_file() else {"metrics": {}}
    measured = result["metrics"]
    tested = measured.get("test") or measured.get("val")
    if not tested:
        return "-"
    single = " of a single class" if len(result["class_names"]) == 1 else ""
    images = "" if measured.get("test") else " (validation images)"
    return f"{tested['accuracy']:.2f}{single}{images}"


def duration(seconds: float) -> str:
    """In words, rounded: 41 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
