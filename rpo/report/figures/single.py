"""Figures of one method on one dataset: loss, accuracy of each class, confusions, calibration."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rpo.report.figures.style import (
    FAINT,
    INK,
    SOFT,
    Margins,
    new_figure,
    shorten,
    styled,
    styles,
    text_width,
)

Bins: TypeAlias = Sequence[Mapping[str, Any]]
History: TypeAlias = Sequence[Mapping[str, Any]]
# Bars are drawn for this many of the worst and of the best classes.
ENDS = 20
# Above this, class names on the axes cannot be read; numbers in the cells neither.
MOST_LABELLED = 30
MOST_NUMBERED = 12
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#9ecae1", "#2171b5", "#08306b"])
BAR = 0.9


@styled
def loss_curves(histories: Mapping[int, History], label: str = "RPO") -> Figure:
    """Loss and, where it was recorded, training accuracy: seeds thin, their mean bold.

    Args:
        histories: seed to epochs, each with `epoch` (from 1), `loss` and perhaps `acc` (percent).
        label: whose colour it is.
    """
    epochs = [epoch for history in histories.values() for epoch in history]
    measured = [("loss", "training loss")]
    if any("acc" in epoch for epoch in epochs):
        measured.append(("acc", "training accuracy (%)"))
    figure = new_figure(3.3 * len(measured), 2.6, Margins(0.45, 0.1, 0.45, 0.3))
    colour = styles([label])[label].colour
    for axes, (key, title) in zip(
        figure.subplots(1, len(measured), squeeze=False)[0], measured, strict=True
    ):
        axes.set(title=title, xlabel="epoch")
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        _draw_histories(axes, list(histories.values()), key, colour)
    return figure


def _draw_histories(axes: Axes, histories: Sequence[History], key: str, colour: str) -> None:
    by_epoch: dict[int, list[float]] = {}
    for history in histories:
        points = [(row["epoch"], row[key]) for row in history if row.get(key) is not None]
        if points and len(histories) > 1:
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.7, alpha=0.55)
        for epoch, value in points:
            by_epoch.setdefault(epoch, []).append(value)
    epochs = sorted(by_epoch)
    marker = "o" if len(epochs) == 1 else ""
    axes.plot(epochs, [mean(by_epoch[epoch]) for epoch in epochs], c=colour, lw=2.2, marker=marker)


@styled
def class_accuracies(
    accuracies: Mapping[str, float], spreads: Mapping[str, float], label: str = "RPO"
) -> Figure:
    """Accuracy of each class in percent as bars, the worst on top; of many, both ends.

    Args:
        accuracies: class name to percent.
        spreads: class name to the standard deviation over seeds.
        label: whose colour it is.
    """
    order = sorted(accuracies, key=lambda name: accuracies[name])
    names: list[str | None] = [*order]
    if len(order) > 2 * ENDS:
        names = [*order[:ENDS], None, *order[-ENDS:]]
    places = {name: place for place, name in enumerate(names) if name is not None}
    labels = [shorten(name, 32) for name in places]
    margins = Margins(text_width(labels), 0.15, 0.5, 0.05)
    height = 0.6 + 0.17 * max(len(names), 3)
    figure = new_figure(margins.left + 1.9, height, margins)
    axes = figure.add_subplot(xlabel="accuracy (%)", xlim=(0, 100))
    axes.barh(
        list(places.values()),
        [accuracies[name] for name in places],
        xerr=[spreads.get(name, 0) for name in places],
        color=styles([label])[label].colour,
        alpha=0.85,
        error_kw={"elinewidth": 0.8, "ecolor": INK},
    )
    axes.set_yticks(list(places.values()), labels=labels)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_ylim(len(names) - 0.4, -0.6)
    if None in names:
        _mark_gap(axes, names.index(None), len(accuracies) - len(places))
    return figure


def _mark_gap(axes: Axes, place: int, left_out: int) -> None:
    axes.axhspan(place - 0.4, place + 0.4, color=FAINT, alpha=0.5, linewidth=0)
    axes.text(50, place, f"{left_out} classes between", ha="center", va="center", fontsize=7)


@styled
def confusion_matrix(cells: Iterable[tuple[int, int, int]], class_names: Sequence[str]) -> Figure:
    """Percent of each true class, a row each, that were predicted as the class of a column.

    Args:
        cells: (true class, predicted class, number of images), of those that are not 0.
        class_names: of the classes, in order.
    """
    size = len(class_names)
    names = [shorten(name, 22) for name in class_names] if size <= MOST_LABELLED else []
    side = max(1.5, 0.24 * size) if names else 3.4
    room, bar = text_width(names) + 0.3, BAR if size > MOST_NUMBERED else 0.0
    width, height = room + side + bar + 0.1, room + side + 0.1
    figure = new_figure(width, height, Margins(room, bar + 0.1, room, 0.1))
    axes = figure.add_subplot(xlabel="predicted class", ylabel="true class")
    percent = _percent(cells, size)
    # The root of the percentage, because rare confusions are what one looks for. "none": one
    # pixel a cell is stored, and viewers enlarge it with sharp edges.
    norm = PowerNorm(0.5, 0, 100)
    shown = axes.imshow(percent, cmap=SHADES, norm=norm, interpolation="none", aspect="auto")
    if names:
        axes.set_xticks(range(size), labels=names, rotation=90)
        axes.set_yticks(range(size), labels=names)
        axes.tick_params(length=0)
    if bar:
        _draw_scale(figure, shown, (width - bar + 0.1) / width, room / height, side / height)
    else:
        axes.spines[:].set_visible(False)
        _number_cells(axes, percent)
    return figure


def _percent(cells: Iterable[tuple[int, int, int]], size: int) -> np.ndarray:
    """(classes, classes), each row a true class; zeros where it has no image."""
    counts = np.zeros((size, size))
    for true, predicted, count in cells:
        counts[true, predicted] += count
    return 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _draw_scale(figure: Figure, shown: Any, left: float, bottom: float, height: float) -> None:
    axes = figure.add_axes((left, bottom + height / 4, 0.1 / figure.get_figwidth(), height / 2))
    bar = figure.colorbar(shown, cax=axes, label="% of the true class")
    bar.set_ticks([0, 5, 25, 50, 100])
    bar.outline.set_visible(False)


def _number_cells(axes: Axes, percent: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            colour = "white" if value > 30 else INK
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7
            )


@styled
def reliability_diagram(bins: Bins, ece: float | None = None, label: str = "RPO") -> Figure:
    """Accuracy over confidence, and below how often each confidence was given.

    Args:
        bins: each with `low` and `high` (its range of confidence, 0 to 1), `count`, and mean
            `confidence` and `accuracy` (0 to 1, None where the count is 0).
        ece: expected calibration error in percent, shown as it is.
        label: whose colour it is.
    """
    figure = new_figure(3.1, 3.9, Margins(0.55, 0.12, 0.45, 0.12))
    upper, lower = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    filled = [cell for cell in bins if cell["count"]]
    upper.plot([0, 1], [0, 1], color=SOFT, linewidth=0.8, linestyle="--")
    accuracies = [cell["accuracy"] for cell in filled]
    _draw_bars(upper, filled, accuracies, styles([label])[label].colour)
    upper.hlines(
        [cell["confidence"] for cell in filled],
        [cell["low"] for cell in filled],
        [cell["high"] for cell in filled],
        color=INK,
        linewidth=1.2,
    )
    upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    if ece is not None:
        upper.text(0.05, 0.93, f"ECE {ece:.2f} %", va="top", weight="bold")
    total = sum(cell["count"] for cell in filled) or 1
    _draw_bars(lower, filled, [100 * cell["count"] / total for cell in filled], SOFT)
    lower.set(xlabel="confidence", ylabel="images (%)")
    figure.align_ylabels()
    return figure


def _draw_bars(axes: Axes, bins: Bins, heights: Sequence[float], colour: str) -> None:
    """A bar as wide as its bin."""
    low = np.array([cell["low"] for cell in bins])
    width = np.array([cell["high"] for cell in bins]) - low
    axes.bar(low, heights, width, align="edge", color=colour, edgecolor="white", linewidth=0.6)
