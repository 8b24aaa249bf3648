"""What a run costs: learnt parameters, time, memory. From results.json only."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rpo.report.records import Record
from rpo.report.statistics import Summary, summarise
from rpo.report.table import Cell, Experiment, Table, experiments, shown_shots

HEADERS = (
    "dataset",
    "method",
    "config",
    "shots",
    "learnt parameters",
    "training s",
    "test ms an image",
    "peak MiB",
    "device",
    "runs",
)


def cost(records: Sequence[Record]) -> list[Table]:
    """A row an experiment, all its seeds and classes together."""
    found = experiments(record for record in records if record.content.get("seconds"))
    rows = [_row(experiment, members) for experiment, members in found.items()]
    notes = ("Training is counted where the run trained; a peak is the largest of the runs.",)
    return [Table("cost", "Cost of a run", HEADERS, rows, notes)] if rows else []


def _row(experiment: Experiment, members: Sequence[Record]) -> tuple[Cell, ...]:
    contents = [record.content for record in members]
    training = (content["seconds"].get("train") for content in contents)
    parameters = {content.get("learnt_parameters") for content in contents}
    peaks = _known(content.get("peak_mb") for content in contents)
    return (
        *experiment[:3],
        shown_shots(experiment.shots),
        parameters.pop() if len(parameters) == 1 else "several",
        summarise(_known(training)),
        _test_milliseconds(contents),
        max(peaks, default=None),
        ", ".join(sorted({str(content.get("device", "-")) for content in contents})),
        len(members),
    )


def _test_milliseconds(contents: Iterable[Mapping[str, Any]]) -> Summary | None:
    """Time of a test run over its number of images, loading included."""
    times = (
        1000 * content["seconds"]["test"] / content["images"]["test"]
        for content in contents
        if content["seconds"].get("test") and content.get("images", {}).get("test")
    )
    return summarise(times)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
