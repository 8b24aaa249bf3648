"""Our numbers beside the published ones, and whether our seeds explain the difference."""

from collections import defaultdict
from collections.abc import Sequence

from rpo.report import logs
from rpo.report.measured import Measured, measure
from rpo.report.names import ZERO_SHOT
from rpo.report.published import LOGS, SHOTS, author_summaries, of_papers, published
from rpo.report.records import Record
from rpo.report.statistics import Summary
from rpo.report.table import Cell, Experiment, Table, shown_shots

BACKBONE = "ViT-B/16"
TITLES = {
    "base2new": "Base-to-new generalization",
    "cross_dataset": "Cross-dataset transfer from ImageNet",
    "domain_generalization": "Domain generalization from ImageNet",
}
NAMES = ("dataset", "method", "config", "shots", "metric")
HEADERS = (*NAMES, "ours", "seeds", "published", "difference", "seed spread", "paper")
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


def compare(records: Sequence[Record], paper: str | None = None) -> list[Table]:
    """A table for each setting: a row for each number of ours and each published value.

    Raises:
        ValueError: no run belongs into a setting of the papers, or there is no such paper.
    """
    found = measure(records)
    if not found:
        raise ValueError(
            f"none of the {len(records)} runs is on base or new classes, or a transfer of "
            "ImageNet: there is nothing published to compare them with"
        )
    settings = [setting for setting in TITLES if any(ours.setting == setting for ours in found)]
    warning = backbone_warning(records)
    return [
        _table(setting, [ours for ours in found if ours.setting == setting], paper, warning)
        for setting in settings
    ]


def _table(setting: str, found: Sequence[Measured], paper: str | None, warning: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for ours in found:
        values = published_values(ours, paper)
        rows += [_row(ours, value, names) for names, value in values] or [_row(ours, None, "-")]
    misprint = any((row[0], *row[-4:-3]) == ("Caltech101", 96.03) for row in rows)
    notes = [MEANING, *([CONVENTIONS] if setting == "base2new" else [])]
    notes += [MISPRINT] if misprint else []
    title = f"{warning}{TITLES[setting]}, ours and published, accuracy in percent"
    return Table("compare", title, HEADERS, rows, (*notes, *_sources(rows, setting)))


def _row(ours: Measured, value: float | Summary | None, paper: str) -> tuple[Cell, ...]:
    names = (*ours[1:4], shown_shots(ours.shots), ours.metric)
    known = value.mean if isinstance(value, Summary) else value
    difference = None if known is None else ours.accuracy.mean - known
    cells = (ours.accuracy, ours.accuracy.n, value, difference)
    return (*names, *cells, verdict(ours.accuracy, difference), paper)


def verdict(ours: Summary, difference: float | None) -> str:
    """Whether a difference could be due to our seeds."""
    if difference is None:
        return "-"
    if ours.ci95 is None:
        return "one seed"
    return "within" if abs(difference) <= ours.ci95 else "outside"


def published_values(ours: Measured, paper: str | None = None) -> list[tuple[str, float | Summary]]:
    """Papers and value, the same value once: for 16 shots, and what the authors' logs hold."""
    together: dict[float, list[str]] = defaultdict(list)
    if ours.shots == SHOTS or ours.method in ZERO_SHOT:
        key = (ours.setting, ours.dataset, ours.method, ours.metric)
        for row in of_papers(paper).get(key, []):
            together[row.value].append(row.paper)
    logged = _logged(ours) if paper in (None, LOGS) else None
    if logged and round(logged.mean, 2) in together:
        together[round(logged.mean, 2)].append(LOGS)
        logged = None
    values: list[tuple[str, float | Summary]] = [
        (", ".join(papers), value) for value, papers in together.items()
    ]
    return values + ([(LOGS, logged)] if logged else [])


def _logged(ours: Measured) -> Summary | None:
    """The same experiment in the authors' logs."""
    experiment = Experiment(ours.dataset, ours.method, ours.config, ours.shots)
    same_setting = ours.setting == "base2new"
    return author_summaries().get((experiment, ours.metric)) if same_setting else None


def backbone_warning(records: Sequence[Record]) -> str:
    """For the head of a title, where runs are of another backbone than the papers'."""
    names = {str(record.content.get("backbone") or _logged_backbone(record)) for record in records}
    others = sorted(names - {BACKBONE, "None"})
    if not others:
        return ""
    return f"NOT COMPARABLE: {', '.join(others)} is not the papers' {BACKBONE}. "


def _logged_backbone(record: Record) -> str | None:
    return None if record.content else logs.read_log(record.path).get("backbone")


def _sources(rows: Sequence[tuple[Cell, ...]], setting: str) -> list[str]:
    """Where the papers of a table can be looked up."""
    shown = {paper for row in rows for paper in str(row[-1]).split(", ")}
    found: dict[str, set[str]] = defaultdict(set)
    for row in published():
        if row.paper in shown and (row.setting == setting or row.paper == LOGS):
            found[row.paper].add(row.source.split(" (")[0])
    return [f"{paper}: {'; '.join(sorted(sources))}" for paper, sources in found.items()]
