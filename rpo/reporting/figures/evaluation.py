"""What an evaluation says beyond accuracy: calibration, confusions, accuracy of each class."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from .style import FAINT, SOFT, new_figure, shorten, styled, styles

# Above this, class names on the axes of a confusion matrix cannot be read.
MOST_LABELLED_CLASSES = 30
MOST_NUMBERED_CLASSES = 12
# Bars are drawn for this many of the worst and of the best classes.
ENDS = 20
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#9ecae1", "#2171b5", "#08306b"])


@styled
def reliability_diagram(
    bins: Sequence[Mapping[str, Any]], ece: float | None = None, label: str = "RPO"
) -> Figure:
    """Accuracy over confidence, and below how often each confidence was given.

    Args:
        bins: each with `low` and `high` (its range of confidence, 0 to 1), `count`, and mean
            `confidence` and `accuracy` (0 to 1, None where the count is 0).
        ece: expected calibration error in percent, shown as it is.
    """
    figure = new_figure(3.4, 3.9)
    upper, lower = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    colour = styles([label])[label].colour
    filled = [cell for cell in bins if cell["count"]]
    left = [cell["low"] for cell in filled]
    width = [cell["high"] - cell["low"] for cell in filled]
    bars = {"width": width, "align": "edge", "edgecolor": "white", "linewidth": 0.6}
    upper.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle="--")
    upper.bar(left, [cell["accuracy"] for cell in filled], color=colour, **bars)
    confidence = [cell["confidence"] for cell in filled]
    upper.hlines(confidence, left, np.add(left, width), color="#222222", linewidth=1.2)
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy", aspect="equal")
    if ece is not None:
        upper.text(0.05, 0.93, f"ECE {ece:.2f} %", va="top", weight="bold")
    total = sum(cell["count"] for cell in filled) or 1
    lower.bar(left, [100 * cell["count"] / total for cell in filled], color=SOFT, **bars)
    lower.set(xlabel="confidence", ylabel="images (%)")
    return figure


@styled
def confusion_matrix(cells: Iterable[tuple[int, int, int]], class_names: Sequence[str]) -> Figure:
    """Which class was taken for which: percent of the true class, a row each.

    Args:
        cells: (true class, predicted class, number of images), of those that are not 0.
        class_names: of the classes, in order.
    """
    size = len(class_names)
    counts = np.zeros((size, size))
    for true, predicted, count in cells:
        counts[true, predicted] += count
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    labelled = size <= MOST_LABELLED_CLASSES
    side = 2.4 + 0.17 * size if labelled else 4.6
    figure = new_figure(side + 0.6, side)
    axes = figure.add_subplot(xlabel="predicted class", ylabel="true class")
    # "none": one pixel a cell is stored, and viewers enlarge it with sharp edges.
    shown = axes.imshow(percent, cmap=SHADES, vmin=0, vmax=100, interpolation="none")
    axes.spines[:].set_visible(False)
    if labelled:
        _name_classes(axes, class_names)
    if size <= MOST_NUMBERED_CLASSES:
        _number_cells(axes, percent)
    bar = figure.colorbar(shown, shrink=0.6, aspect=25, label="% of the true class")
    bar.outline.set_visible(False)
    return figure


def _name_classes(axes: Axes, class_names: Sequence[str]) -> None:
    names = [shorten(name, 22) for name in class_names]
    axes.set_xticks(range(len(names)), labels=names, rotation=90)
    axes.set_yticks(range(len(names)), labels=names)
    axes.tick_params(length=0)


def _number_cells(axes: Axes, percent: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            colour = "white" if value > 55 else "#222222"
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7
            )


@styled
def class_accuracies(
    accuracies: Mapping[str, float], spreads: Mapping[str, float], label: str = "RPO"
) -> Figure:
    """Accuracy of each class in percent as bars, the worst on top; of many, both ends.

    Args:
        accuracies: class name to percent.
        spreads: class name to the standard deviation over seeds.
    """
    names: list[str | None] = sorted(accuracies, key=lambda name: accuracies[name])
    if len(names) > 2 * ENDS:
        names = [*names[:ENDS], None, *names[-ENDS:]]
    figure = new_figure(4.8, 0.7 + 0.17 * len(names))
    axes = figure.add_subplot(xlabel="accuracy (%)", xlim=(0, 100))
    places = [place for place, name in enumerate(names) if name is not None]
    drawn = [name for name in names if name is not None]
    axes.barh(
        places,
        [accuracies[name] for name in drawn],
        xerr=[spreads.get(name, 0) for name in drawn],
        color=styles([label])[label].colour,
        alpha=0.85,
        error_kw={"elinewidth": 0.8, "ecolor": "#222222"},
    )
    axes.set_yticks(places, labels=[shorten(name, 32) for name in drawn])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_ylim(len(names) - 0.4, -0.6)
    if None in names:
        _mark_gap(axes, names.index(None), len(accuracies) - 2 * ENDS)
    return figure


def _mark_gap(axes: Axes, place: int, left_out: int) -> None:
    axes.axhspan(place - 0.4, place + 0.4, color=FAINT, alpha=0.5, linewidth=0)
    axes.text(50, place, f"{left_out} classes between", ha="center", va="center", fontsize=7)
