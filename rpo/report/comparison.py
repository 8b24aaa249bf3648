"""Our numbers beside the published ones, and whether our seeds explain the difference."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from rpo.methods.traits import known_traits
from rpo.report.frame import Line, by_line, own_runs, scores
from rpo.report.names import BENCHMARK, DOMAINS, learns
from rpo.report.published import LOGS, SHOTS, author_summary, of_papers, published
from rpo.report.statistics import BySeed, Summary, average, harmonic_mean
from rpo.report.table import Cell, Table, log_notes, shown_shots
from rpo.report.tables import by_target, reached

AVERAGE = "Average"
SOURCE = "ImageNet"
TARGETS = {"cross_dataset": BENCHMARK[1:], "domain_generalization": DOMAINS}
BACKBONE = "ViT-B/16"
TITLES = {
    "base2new": "Base-to-new generalization",
    "cross_dataset": "Cross-dataset transfer from ImageNet",
    "domain_generalization": "Domain generalization from ImageNet",
}
MEANING = (
    "The difference is ours less the published value. It is within the seed spread if it is at "
    "most half of Student's 95 % confidence interval of our mean; one seed has no spread."
)
CONVENTIONS = (
    "H of RPO is the mean over seeds, and over datasets, of harmonic means, as in its paper; H of "
    "the other methods is that of the means, as in theirs."
)
MISPRINT = (
    "96.03 for Caltech101 looks like a misprint: the authors' logs give 96.13, and with it alone "
    "the average is the printed 77.78."
)


class Measured(NamedTuple):
    """A number of ours; setting, dataset and metric are called as in published.csv."""

    setting: str
    dataset: str
    line: Line
    metric: str
    accuracy: Summary


def compare(frame: pd.DataFrame, paper: str | None = None) -> list[Table]:
    """A table for each setting: a row for each number of ours and each published value.

    Raises:
        ValueError: no run belongs into a setting of the papers, or there is no such paper.
    """
    found = [*base2new_measured(frame), *transfer_measured(frame)]
    if not found:
        raise ValueError(
            f"none of the {len(frame)} runs is on base or new classes, or a transfer of "
            "ImageNet: there is nothing published to compare them with"
        )
    tables = []
    for setting in TITLES:
        some = [ours for ours in found if ours.setting == setting]
        if some:
            tables.append(_table(setting, some, paper, log_notes(frame)))
    return tables


def base2new_measured(frame: pd.DataFrame) -> Iterator[Measured]:
    """Base, new and H of every experiment, and of their average where all 11 datasets are there."""
    used = own_runs(frame, "base", "new")
    found = scores(used)
    groups = {(one.dataset, one.line): {one.dataset: each} for one, each in found.items()}
    for line, experiments in by_line(used).items():
        chosen = {one.dataset: found[one] for one in experiments if one.dataset in BENCHMARK}
        if len(chosen) == len(BENCHMARK):
            groups[AVERAGE, line] = chosen
    for (dataset, line), members in groups.items():
        for metric, accuracy in _metrics(members, line.method).items():
            if accuracy:
                yield Measured("base2new", dataset, line, metric, accuracy)


def _metrics(members: Mapping[str, Mapping[str, BySeed]], method: str) -> dict[str, Summary | None]:
    """Base, new and H over all of some datasets, H as the method's paper computes it."""
    found = {name: average([each[name] for each in members.values()]) for name in ("base", "new")}
    harmonic = average([each["H"] for each in members.values()])
    traits = known_traits().get(method)
    if harmonic and not (traits and traits.mean_of_harmonic):
        base, new = found["base"], found["new"]
        assert base and new  # or there would be no H
        harmonic = harmonic._replace(mean=harmonic_mean(base.mean, new.mean))
    return {**found, "H": harmonic}


def transfer_measured(frame: pd.DataFrame) -> Iterator[Measured]:
    """Accuracy of what was trained on ImageNet; the average where all targets are there."""
    for setting, targets in TARGETS.items():
        for line, runs in by_target(reached(frame, SOURCE, targets), targets).items():
            groups = {dataset: [runs.get(dataset, {})] for dataset in (SOURCE, *targets)}
            groups[AVERAGE] = [runs.get(target, {}) for target in targets]
            for dataset, members in groups.items():
                if accuracy := average(members):
                    yield Measured(setting, dataset, line, "accuracy", accuracy)


def _table(
    setting: str, found: Sequence[Measured], paper: str | None, log_notes: Sequence[str]
) -> Table:
    """The backbone is told where one is not the papers'."""
    others = sorted({ours.line.backbone for ours in found} - {BACKBONE, ""})
    told = ("backbone",) if others else ()
    headers = (
        *("dataset", "method", "config", "shots", *told, "metric"),
        *("ours", "seeds", "published", "difference", "seed spread", "paper"),
    )
    rows: list[tuple[Cell, ...]] = []
    for ours in found:
        values = published_values(ours, paper) or [("-", None)]
        rows += [_row(ours, value, names, bool(others)) for names, value in values]
    misprint = any((row[0], *row[-4:-3]) == ("Caltech101", 96.03) for row in rows)
    notes = [MEANING, *([CONVENTIONS] if setting == "base2new" else [])]
    notes += [MISPRINT] if misprint else []
    names = ", ".join(others)
    warning = f"NOT COMPARABLE: {names} is not the papers' {BACKBONE}. " if others else ""
    title = f"{warning}{TITLES[setting]}, ours and published, accuracy in percent"
    return Table("compare", title, headers, rows, (*notes, *_sources(rows, setting), *log_notes))


def _row(
    ours: Measured, value: float | Summary | None, paper: str, backbone: bool
) -> tuple[Cell, ...]:
    line = ours.line
    told = (line.backbone or None,) if backbone else ()
    names = (ours.dataset, line.method, line.config, shown_shots(line.shots), *told, ours.metric)
    known = value.mean if isinstance(value, Summary) else value
    difference = None if known is None else ours.accuracy.mean - known
    cells = (ours.accuracy, ours.accuracy.n, value, difference)
    return (*names, *cells, verdict(ours, difference), paper)


def verdict(ours: Measured, difference: float | None) -> str:
    """Whether a difference could be due to our seeds."""
    if difference is None:
        return "-"
    if ours.line.backbone not in (BACKBONE, ""):
        return "other backbone"
    if ours.accuracy.ci95 is None:
        return "one seed"
    return "within" if abs(difference) <= ours.accuracy.ci95 else "outside"


def published_values(
    ours: Measured, paper: str | None = None
) -> list[tuple[str, float | Summary | None]]:
    """Papers and value, the same value once: for 16 shots, and what the authors' logs hold."""
    together: dict[float, list[str]] = defaultdict(list)
    line = ours.line
    if line.shots == SHOTS or not learns(line.method):
        key = (ours.setting, ours.dataset, line.method, ours.metric)
        for row in of_papers(paper).get(key, []):
            together[row.value].append(row.paper)
    logged = None
    if paper in (None, LOGS) and ours.setting == "base2new":
        names = (ours.dataset, line.method, line.config, line.shots)
        logged = author_summary(*names, ours.metric, ours.accuracy.n)
    if logged and round(logged.mean, 2) in together:
        together[round(logged.mean, 2)].append(LOGS)
        logged = None
    values: list[tuple[str, float | Summary | None]] = [
        (", ".join(papers), value) for value, papers in together.items()
    ]
    return values + ([(LOGS, logged)] if logged else [])


def _sources(rows: Sequence[tuple[Cell, ...]], setting: str) -> list[str]:
    """Where the papers of a table can be looked up."""
    shown = {paper for row in rows for paper in str(row[-1]).split(", ")}
    found: dict[str, set[str]] = defaultdict(set)
    for row in published():
        if row.paper in shown and (row.setting == setting or row.paper == LOGS):
            found[row.paper].add(row.source.split(" (")[0])
    return [f"{paper}: {'; '.join(sorted(sources))}" for paper, sources in found.items()]
