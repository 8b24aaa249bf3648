"""Pivots of the frame that tables and figures share: over shots, over seeds, base against new."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import pandas as pd

from rpo.report.base2new import Generalization, generalization
from rpo.report.frame import Experiment, by_line, lines, own_runs, scores
from rpo.report.names import CLASSES, method_order
from rpo.report.statistics import BySeed

# What a boxplot of variance needs at least.
FEWEST_SEEDS = 3
# Shots to the accuracies of each dataset that a number is the average of; 0 for what is untrained.
Points: TypeAlias = "dict[int, list[BySeed]]"


class Series(NamedTuple):
    """One curve of a figure, one row of a table."""

    method: str
    config: str
    backbone: str


class Panel(NamedTuple):
    """The curves of one dataset or of the average over some, on the same classes.

    `left_out` are series that the average lacks because they were not run on every dataset.
    """

    title: str
    classes: str
    datasets: tuple[str, ...]
    curves: Mapping[Series, Points]
    left_out: tuple[Series, ...] = ()

    @property
    def is_average(self) -> bool:
        return len(self.datasets) > 1


def labels(series: Iterable[tuple[str, ...]]) -> dict[tuple[str, str], str]:
    """What to call them: the method, and its configuration where the method has several."""
    pairs = dict.fromkeys((method, config) for method, config, *_ in series)
    several = Counter(method for method, _ in pairs)
    return {
        each: " ".join(each) if several[each[0]] > 1 else each[0]
        for each in sorted(pairs, key=lambda pair: (method_order(pair[0]), pair[1]))
    }


def over_shots(frame: pd.DataFrame) -> list[Panel]:
    """Every dataset's curves, of classes on which some method has at least two numbers of shots."""
    panels = []
    for classes in CLASSES:
        used = own_runs(frame, classes)
        used = used[used["shots"] >= 0]
        used = used.assign(config=lines(used, over_shots=True))
        found: dict[str, dict[Series, Points]] = {}
        for one, measured in scores(used).items():
            series = Series(one.method, one.config, one.backbone)
            points = found.setdefault(one.dataset, {}).setdefault(series, {})
            points[one.shots] = [measured[classes]]
        if any(len(points) > 1 for curves in found.values() for points in curves.values()):
            panels += [Panel(name, classes, (name,), curves) for name, curves in found.items()]
    order = sorted_datasets(frame)
    return sorted(panels, key=lambda panel: order.index(panel.title))


def sorted_datasets(frame: pd.DataFrame) -> list[str]:
    """In the papers' order, which the frame has."""
    return list(dict.fromkeys(frame["dataset"]))


def averages_over_shots(panels: Iterable[Panel]) -> list[Panel]:
    """The mean over datasets, of series that have them all, at the shots that all of them have."""
    found = []
    for classes in CLASSES:
        same = [panel for panel in panels if panel.classes == classes]
        if len(same) < 2:
            continue
        every = sorted({series for panel in same for series in panel.curves}, key=order_of_series)
        curves = {series: average_curve(same, series) for series in every}
        whole = [series for series in every if all(series in panel.curves for panel in same)]
        title, names = f"Average of {len(same)} datasets", tuple(panel.title for panel in same)
        drawn = {series: curves[series] for series in whole if curves[series]}
        left_out = tuple(series for series in every if series not in drawn)
        if any(max(points) > 0 for points in drawn.values()):
            found.append(Panel(title, classes, names, drawn, left_out))
    return found


def average_curve(panels: Iterable[Panel], series: Series) -> Points:
    """Of the panels that have the series, at the shots that all of these have."""
    curves = [panel.curves[series] for panel in panels if series in panel.curves]
    shots = sorted(set.intersection(*(set(points) for points in curves)))
    return {number: [points[number][0] for points in curves] for number in shots}


def order_of_series(series: Series) -> tuple[object, ...]:
    return (*method_order(series.method), *series)


def over_seeds(frame: pd.DataFrame) -> list[Panel]:
    """Each dataset's accuracies of what has at least FEWEST_SEEDS seeds."""
    panels: dict[tuple[str, str], dict[Series, Points]] = {}
    for one, measured in scores(own_runs(frame)).items():
        for classes in CLASSES:
            if len(measured[classes]) >= FEWEST_SEEDS:
                series = Series(one.method, one.config, one.backbone)
                curves = panels.setdefault((one.dataset, classes), {})
                curves.setdefault(series, {})[one.shots] = [measured[classes]]
    order = sorted_datasets(frame)
    found = [Panel(*key, key[:1], curves) for key, curves in panels.items()]
    return sorted(found, key=lambda p: (order.index(p.title), list(CLASSES).index(p.classes)))


class Plane(NamedTuple):
    """Points of base against new accuracy, of one dataset or of an average; see Panel."""

    title: str
    shots: int
    datasets: tuple[str, ...]
    points: Mapping[tuple[str, str], Generalization]
    left_out: tuple[tuple[str, str], ...] = ()


def base_against_new(frame: pd.DataFrame) -> list[Plane]:
    """At the largest number of shots, and untrained; the average over several datasets first."""
    used = own_runs(frame, "base", "new")
    shots = max(used["shots"][used["classes"] == "new"], default=0)
    used = used[used["shots"].isin([0, shots])]
    found = {one: each for one, each in scores(used).items() if each["base"] and each["new"]}
    datasets = tuple(dict.fromkeys(one.dataset for one in found))
    planes = [_average_plane(used, found, datasets, int(shots))] if len(datasets) > 1 else []
    for dataset in datasets:
        points = {
            (one.method, one.config): generalization({dataset: each})
            for one, each in found.items()
            if one.dataset == dataset
        }
        planes.append(Plane(dataset, int(shots), (dataset,), points))
    return [plane for plane in planes if plane.points]


def _average_plane(
    used: pd.DataFrame,
    found: Mapping[Experiment, Mapping[str, BySeed]],
    datasets: tuple[str, ...],
    shots: int,
) -> Plane:
    points, left_out = {}, []
    for line, members in by_line(used).items():
        there = {member.dataset: found[member] for member in members if member in found}
        name = (line.method, line.config)
        if len(there) == len(datasets):
            points[name] = generalization(there)
        else:
            left_out.append(name)
    title = f"Average of {len(datasets)} datasets"
    return Plane(title, shots, datasets, points, tuple(left_out))
