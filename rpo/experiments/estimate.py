"""What a grid will take before it starts."""

from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from .cost import Cost, by_finished_runs, by_measured_steps, config_of, expected_seconds
from .job import Job
from .measured import table
from .progress import duration

COLUMNS = ("method", "jobs", "hours", "from", "to", "based on")


def report(jobs: Sequence[Job], device: str, at_once: int) -> str:
    """A table by method, and what all of it takes.

    Args:
        device: what the jobs run on, as in `Kind`.
        at_once: jobs that run side by side.
    """
    rows = table()
    costs = {job: by_finished_runs(job) or by_measured_steps(job, device, rows) for job in jobs}
    methods = dict.fromkeys(job.method for job in jobs)
    of = {method: [costs[job] for job in jobs if job.method == method] for method in methods}
    lines = [_line(method, mine) for method, mine in of.items()]
    said = [tabulate(lines, headers=COLUMNS, tablefmt="github", floatfmt=".4g")]
    known = [cost for cost in costs.values() if cost]
    if known:
        said.append(_total(known, device, min(at_once, len(known))))
    if len(known) < len(jobs):
        said.append(
            f"{len(jobs) - len(known)} jobs are left out: nothing like them was measured on "
            f"{device}. --calibrate, typed where they will run, measures ten steps of each kind"
        )
    return "\n".join(said)


def _line(method: str, costs: Sequence[Cost | None]) -> list[Any]:
    """Of one method: jobs, hours with their range, and what that is based on."""
    known = [cost for cost in costs if cost]
    sources = sorted({cost.source for cost in known}) or ["nothing"]
    return [method, len(costs), *(hours(known) if known else [None] * 3), ", ".join(sources)]


def hours(costs: Sequence[Cost]) -> tuple[float, float, float]:
    """Those expected, the least and the most."""
    expected, low = sum(cost.seconds for cost in costs), sum(cost.low for cost in costs)
    return expected / 3600, low / 3600, sum(cost.high for cost in costs) / 3600


def _total(known: Sequence[Cost], device: str, at_once: int) -> str:
    expected, low, high = hours(known)
    kind = "hours of a processor" if device.startswith("cpu") else "GPU hours"
    megabytes = sum(cost.bytes for cost in known) / 1e6
    return (
        f"{len(known)} jobs on {device}: {expected:.4g} {kind} ({low:.4g} to {high:.4g}), "
        f"{duration(expected * 3600 / at_once)} with {at_once} at once, and about "
        f"{megabytes:.{0 if megabytes >= 10 else 1}f} MB on the disk"
    )


def check_time(jobs: Sequence[Job], device: str, minutes: int) -> None:
    """Raises ValueError for a time limit in which a job cannot even finish an epoch."""
    for job in jobs:
        seconds = expected_seconds(job, device)
        if seconds is None or not job.steps[0].trains:
            continue
        epoch = seconds / config_of(job.steps[0]).OPTIM.MAX_EPOCH
        if epoch > minutes * 60:
            raise ValueError(
                f"--time is {minutes} minutes, and an epoch of {job.label} takes about "
                f"{duration(epoch)}: nothing would ever be finished"
            )
