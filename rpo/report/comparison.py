"""Our numbers beside the published ones, and whether our seeds explain the difference."""

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from rpo.report.measured import (
    FEW_SHOT,
    Measured,
    base2new_measured,
    few_shot_measured,
    transfer_measured,
)
from rpo.report.names import learns
from rpo.report.published import (
    FEW_SHOT_ROW,
    LOGS,
    SHOTS,
    author_summary,
    few_shot_setting,
    of_papers,
    published,
)
from rpo.report.statistics import Summary
from rpo.report.table import Cell, Table, notes_on, shown_shots

TITLES = {
    "base2new": "Base-to-new generalization",
    "cross_dataset": "Cross-dataset transfer from ImageNet",
    "domain_generalization": "Domain generalization from ImageNet",
    FEW_SHOT: "Few-shot classification of all classes",
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


def compare(frame: pd.DataFrame, paper: str | None = None) -> list[Table]:
    """A table for each setting: a row for each number of ours and each published value.

    Raises:
        ValueError: no run belongs into a setting of the papers, or there is no such paper.
    """
    found = [*base2new_measured(frame), *transfer_measured(frame), *few_shot_measured(frame)]
    if not found:
        raise ValueError(
            f"none of the {len(frame)} runs is on base or new classes, a transfer of ImageNet, or "
            "on all classes by a method with published few-shot values: there is nothing "
            "published to compare them with"
        )
    tables = []
    for setting in TITLES:
        some = [ours for ours in found if ours.setting == setting]
        if some:
            tables.append(_table(setting, some, paper, notes_on(frame)))
    return tables


def _table(
    setting: str, found: Sequence[Measured], paper: str | None, of_runs: Sequence[str]
) -> Table:
    """The backbone is told where one is not the papers'."""
    others = sorted({ours.line.backbone for ours in found if ours.is_of_another_backbone})
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
    papers = found[0].papers_backbone
    warning = f"NOT COMPARABLE: {', '.join(others)} is not the papers' {papers}. "
    title = f"{warning if others else ''}{TITLES[setting]}, ours and published, accuracy in percent"
    return Table("compare", title, headers, rows, (*notes, *_sources(rows, setting), *of_runs))


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
    if ours.is_of_another_backbone:
        return "other backbone"
    if ours.accuracy.ci95 is None:
        return "one seed"
    return "within" if abs(difference) <= ours.accuracy.ci95 else "outside"


def published_values(
    ours: Measured, paper: str | None = None
) -> list[tuple[str, float | Summary | None]]:
    """Papers and value, the same value once, and what the authors' logs hold.

    Of few-shot classification those for as many shots as ours, of all else those for 16.
    """
    together: dict[float, list[str]] = defaultdict(list)
    line, setting = ours.line, ours.setting
    if setting == FEW_SHOT:
        setting = few_shot_setting(line.shots, ours.papers_backbone)
    if setting != ours.setting or line.shots == SHOTS or not learns(line.method):
        key = (setting, ours.dataset, line.method, ours.metric)
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
        its_setting = FEW_SHOT if FEW_SHOT_ROW.fullmatch(row.setting) else row.setting
        if row.paper in shown and (its_setting == setting or row.paper == LOGS):
            found[row.paper].add(row.source.split(" (")[0])
    return [f"{paper}: {'; '.join(sorted(sources))}" for paper, sources in found.items()]
