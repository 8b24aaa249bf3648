"""Transfer: trained on one dataset, tested on others (cross-dataset, domain generalization)."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from rpo.report.names import DOMAINS, ZERO_SHOT, dataset_order, method_order
from rpo.report.records import Record
from rpo.report.statistics import Summary, summarise
from rpo.report.table import Cell, Line, Table, by_seed, log_note, shown_shots, span


def transfer(records: Sequence[Record]) -> list[Table]:
    """A table for each source, shifted ImageNets apart from other datasets: methods by targets."""
    moved = [
        record
        for record in records
        if record.trained_on != record.dataset and record.classes == "all"
    ]
    wanted: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for record in moved:
        wanted[record.trained_on, record.dataset in DOMAINS].add(record.dataset)
    return [
        _table(records, source, sorted(targets, key=dataset_order), shifted)
        for (source, shifted), targets in sorted(wanted.items())
    ]


def reached(
    records: Sequence[Record], source: str, targets: Sequence[str]
) -> dict[Line, dict[str, list[Record]]]:
    """Runs on all classes by method and dataset: source and targets; zero-shot methods too."""
    found: dict[Line, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        comes_from_source = record.trained_on == source or record.method in ZERO_SHOT
        if comes_from_source and record.classes == "all" and record.dataset in (source, *targets):
            line = Line(record.method, record.config, record.shots)
            found[line][record.dataset].append(record)
    some_target = {line: runs for line, runs in found.items() if set(runs) & set(targets)}
    return dict(
        sorted(some_target.items(), key=lambda item: (*method_order(item[0].method), *item[0]))
    )


def accuracies(runs: dict[str, list[Record]], datasets: Sequence[str]) -> list[Summary | None]:
    """The summary over seeds for each dataset, None where there is no run."""
    return [summarise(by_seed(runs.get(dataset, [])).values()) for dataset in datasets]


def _table(records: Sequence[Record], source: str, targets: Sequence[str], shifted: bool) -> Table:
    found = reached(records, source, targets)
    columns = (f"{source} (source)", *targets, "average", "targets", "seeds")
    rows = [_row(line, runs, source, targets) for line, runs in found.items()]
    kind = "Domain generalization" if shifted else "Cross-dataset transfer"
    title = f"{kind}, trained on {source}, accuracy in percent"
    used = [record for runs in found.values() for members in runs.values() for record in members]
    notes = ("The average is over the targets that the row has.", *log_note(used))
    return Table("transfer", title, ("method", "config", "shots", *columns), rows, notes)


def _row(
    line: Line, runs: dict[str, list[Record]], source: str, targets: Sequence[str]
) -> tuple[Cell, ...]:
    cells = accuracies(runs, (source, *targets))
    means = [cell.mean for cell in cells[1:] if cell]
    count = f"{len(means)} of {len(targets)}"
    names = (line.method, line.config, shown_shots(line.shots))
    return (*names, *cells, fmean(means), count, span(cell.n for cell in cells if cell))
