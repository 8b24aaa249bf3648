"""Tables of a group of runs: its metrics, and each of its classes."""

from collections.abc import Iterable, Sequence

from rpo.report.figures import groups
from rpo.report.figures.groups import CLASSES, Group
from rpo.report.page.tables import PageTable, simple_table
from rpo.report.record import Record
from rpo.report.statistics import Summary, summarise
from rpo.report.table import Cell

METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "top5_accuracy": "top-5 accuracy",
    "ece": "ECE",
}


def metrics_table(group: Group) -> PageTable:
    """A row for base, new and all classes."""
    rows: list[list[Cell]] = [
        [CLASSES[classes], *(_metric(records, name) for name in METRICS), len(records)]
        for classes, records in group.parts().items()
    ]
    note = "Percent, mean over seeds. ECE is the expected calibration error, 0 is best."
    return simple_table("Metrics", note, ["tested on", *METRICS.values(), "seeds"], rows)


def _metric(records: Iterable[Record], name: str) -> Summary | None:
    if name == "accuracy":
        return summarise(record.accuracy for record in records)
    metrics = [(record.content.get("metrics") or {}).get("test") or {} for record in records]
    return summarise(metric[name] for metric in metrics if metric.get(name) is not None)


def classes_table(group: Group) -> PageTable | None:
    """A row a class: how well it is recognised, and what it is mostly taken for."""
    rows: list[list[Cell]] = []
    for classes, records in group.parts().items():
        found = groups.details(records)
        if not found:
            continue
        names, counts = found[0]["class_names"], found[0]["per_class_count"]
        values = groups.accuracies_of_classes(found)
        mistakes = _most_mistaken(groups.confusion(found), names)
        rows += [
            [name, classes, count, summarise(values.get(name, [])), mistakes.get(name)]
            for name, count in zip(names, counts, strict=True)
        ]
    headers = ["class", "part", "images", "accuracy", "mostly taken for"]
    note = "Percent, mean over seeds; of its wrong answers, the most frequent one."
    return simple_table("Every class", note, headers, rows) if rows else None


def _most_mistaken(cells: Iterable[tuple[int, int, int]], names: Sequence[str]) -> dict[str, str]:
    """Class name to its most frequent wrong prediction and how often it is, of all its images."""
    totals: dict[int, int] = {}
    worst: dict[int, tuple[int, int]] = {}
    for true, predicted, count in cells:
        totals[true] = totals.get(true, 0) + count
        if predicted != true and count > worst.get(true, (0, 0))[0]:
            worst[true] = (count, predicted)
    return {
        names[true]: f"{names[predicted]} ({100 * count / totals[true]:.0f} %)"
        for true, (count, predicted) in worst.items()
    }
