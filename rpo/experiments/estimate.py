"""What runs will take, before they start."""

from pathlib import Path

from rpo.runs import RESULTS, read_object

from .job import Job, Step


def expected_seconds(job: Job) -> float | None:
    """Of a job, by what finished runs of the same experiment took; None where there is none."""
    taken = [taken_by(step) for step in job.steps]
    known = [seconds for seconds in taken if seconds is not None]
    return sum(known) if len(known) == len(taken) else None


def taken_by(step: Step) -> float | None:
    """The mean of the seconds that the step took with other seeds."""
    found = [seconds_in(path) for path in step.folder.parent.glob(f"seed*/{RESULTS}")]
    return sum(found) / len(found) if found else None


def seconds_in(results: Path) -> float:
    """All that a run says it took."""
    return sum(read_object(results)["seconds"].values())
