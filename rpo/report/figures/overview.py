"""Records as the plain data of the figures that compare methods."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean

from rpo.report.figures.groups import CLASSES, series, shots_of
from rpo.report.names import dataset_order
from rpo.report.record import Record

# Shots to the seeds' accuracies in percent, 0 for what is not trained.
Points = dict[int, list[float]]
# Shots to seed to accuracy.
BySeed = dict[int, dict[int, float]]
FEWEST_SEEDS = 3


def by_label(records: Sequence[Record]) -> dict[tuple[str, str], dict[str, BySeed]]:
    """(dataset, classes) to label to shots to seed to accuracy, all in the papers' order."""
    labels = series(records)
    found: dict[tuple[str, str], dict[str, BySeed]] = {
        key: {label: defaultdict(dict) for label in labels.values()}
        for key in sorted({(r.dataset, r.classes) for r in records}, key=_dataset_then_classes)
    }
    for record in records:
        curve = found[record.dataset, record.classes][labels[record.method, record.config]]
        curve[shots_of(record)][record.seed] = record.accuracy
    return {
        key: {label: points for label, points in of_labels.items() if points}
        for key, of_labels in found.items()
    }


def _dataset_then_classes(key: tuple[str, str]) -> tuple[tuple[int, str], int]:
    return dataset_order(key[0]), list(CLASSES).index(key[1])


def over_shots(records: Sequence[Record]) -> Iterator[tuple[str, str, dict[str, BySeed]]]:
    """(dataset, classes, curves) wherever a method has at least two numbers of shots."""
    for (dataset, classes), found in by_label(records).items():
        curves = {
            label: {shots: seeds for shots, seeds in points.items() if shots >= 0}
            for label, points in found.items()
        }
        if any(len(points) > 1 for points in curves.values()):
            yield dataset, classes, {label: points for label, points in curves.items() if points}


def with_average(
    found: Iterable[tuple[str, str, dict[str, BySeed]]],
) -> Iterator[tuple[str, str, dict[str, Points]]]:
    """The same as lists of accuracies, led by the average where there are several datasets."""
    panels = list(found)
    for classes in CLASSES:
        same = [curves for _, kind, curves in panels if kind == classes]
        average = average_over(same) if len(same) > 1 else {}
        if any(len(points) > 1 for points in average.values()):
            yield f"Average of {len(same)} datasets", classes, average
    for dataset, classes, curves in panels:
        yield dataset, classes, {label: _points(seeds) for label, seeds in curves.items()}


def _points(curve: Mapping[int, Mapping[int, float]]) -> Points:
    return {shots: [seeds[seed] for seed in sorted(seeds)] for shots, seeds in curve.items()}


def average_over(panels: Sequence[Mapping[str, BySeed]]) -> dict[str, Points]:
    """Averages of each seed, of those shots and seeds that every dataset has."""
    averages: dict[str, Points] = {}
    for label in panels[0]:
        curves = [panel.get(label, {}) for panel in panels]
        for shots in sorted(set.intersection(*(set(curve) for curve in curves))):
            seeds = set.intersection(*(set(curve[shots]) for curve in curves))
            values = [mean(curve[shots][seed] for curve in curves) for seed in sorted(seeds)]
            if values:
                averages.setdefault(label, {})[shots] = values
    return averages


def over_seeds(records: Sequence[Record]) -> Iterator[tuple[str, str, dict[str, Points]]]:
    """(dataset, classes, boxes) of what has at least three seeds."""
    for (dataset, classes), found in by_label(records).items():
        boxes = {label: _points(curve) for label, curve in found.items()}
        boxes = {
            label: {s: values for s, values in points.items() if len(values) >= FEWEST_SEEDS}
            for label, points in boxes.items()
        }
        boxes = {label: points for label, points in boxes.items() if points}
        if boxes:
            yield dataset, classes, boxes


def base_and_new(
    records: Sequence[Record],
) -> Iterator[tuple[str, int, dict[str, tuple[list[float], list[float]]]]]:
    """(dataset, shots, points) at the largest number of shots; averages of several first."""
    shots = max((shots_of(r) for r in records if r.classes == "new"), default=0)
    found = by_label([record for record in records if shots_of(record) in (0, shots)])
    datasets = [key[0] for key in found if key[1] == "new" and (key[0], "base") in found]
    if len(datasets) > 1:
        base, new = (average_over([found[d, kind] for d in datasets]) for kind in ("base", "new"))
        if points := _pairs(base, new):
            yield f"Average of {len(datasets)} datasets", shots, points
    for dataset in datasets:
        base, new = (
            {label: _points(curve) for label, curve in found[dataset, kind].items()}
            for kind in ("base", "new")
        )
        if points := _pairs(base, new):
            yield dataset, shots, points


def _pairs(
    base: Mapping[str, Points], new: Mapping[str, Points]
) -> dict[str, tuple[list[float], list[float]]]:
    """Label to its accuracies on base and on new classes, where it has both."""
    return {
        label: ([*base[label].values()][0], [*new[label].values()][0])
        for label in base
        if label in new
    }
