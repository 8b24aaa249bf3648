"""Figures that compare methods: few-shot curves, variance over seeds, base against new."""

from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import mean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rpo.report.figures.style import (
    FAINT,
    SOFT,
    WIDTH,
    Style,
    legend_below,
    new_figure,
    of_method,
    styled,
    styles,
)
from rpo.report.statistics import Summary

# What a boxplot needs: with fewer seeds only the points and their mean are drawn.
FEWEST_FOR_A_BOX = 4


@styled
def accuracy_over_shots(curves: Mapping[str, Mapping[int, Summary]], title: str = "") -> Figure:
    """The few-shot curves of one dataset.

    Args:
        curves: label to shots to the accuracy in percent. What was not trained has its accuracy
            under 0 shots and is drawn as a level line.
    """
    figure = new_figure(WIDTH, 3.3)
    axes = figure.add_subplot(title=title, xlabel="labelled images a class", ylabel="accuracy (%)")
    axes.set_xscale("log", base=2)
    axes.grid(axis="y")
    chosen = styles(curves)
    for index, (label, points) in enumerate(curves.items()):
        if set(points) == {0}:
            line = axes.axhline(points[0].mean, color=chosen[label].colour, ls=":", label=label)
            of_method(label, line)
        else:
            _draw_curve(axes, label, points, chosen[label], 2 ** (0.05 * (index % 5 - 2)))
    shots = sorted({number for points in curves.values() for number in points if number > 0})
    axes.set_xticks(shots, labels=[str(number) for number in shots])
    axes.minorticks_off()
    legend_below(figure, len(curves))
    return figure


def _draw_curve(
    axes: Axes, label: str, points: Mapping[int, Summary], style: Style, shift: float
) -> None:
    """Means with the standard deviation over seeds; shifted, so that bars do not hide bars."""
    shots = sorted(number for number in points if number > 0)
    drawn = axes.errorbar(
        [number * shift for number in shots],
        [points[number].mean for number in shots],
        [points[number].std for number in shots],
        label=label,
        color=style.colour,
        marker=style.marker,
        markerfacecolor=style.fill,
        linestyle=style.line,
        elinewidth=0.9,
        capsize=2,
    )
    of_method(label, *drawn.get_children())


@styled
def accuracy_over_seeds(
    boxes: Mapping[str, Mapping[int, Sequence[float]]], title: str = ""
) -> Figure:
    """Box plots of the variance over seeds, with every single run as a point.

    Args:
        boxes: label to shots to the seeds' accuracies in percent. Methods stand side by side at
            each number of shots.
    """
    shots = sorted({number for points in boxes.values() for number in points})
    slots = [(number, label) for number in shots for label in boxes if number in boxes[label]]
    figure = new_figure(max(WIDTH, 1.2 + 0.42 * len(slots)), 3.3)
    axes = figure.add_subplot(title=title, ylabel="accuracy (%)")
    axes.grid(axis="y")
    chosen, places = styles(boxes), _places(slots)
    axes.set_xlim(-0.9, places[-1] + 0.9)
    for slot, place in zip(slots, places, strict=True):
        _draw_box(axes, place, boxes[slot[1]][slot[0]], slot[1], chosen[slot[1]])
    centres = [
        mean([place for slot, place in zip(slots, places, strict=True) if slot[0] == number])
        for number in shots
    ]
    axes.set_xticks(centres, labels=[shown_shots(number) for number in shots])
    axes.tick_params(axis="x", length=0)
    for label in boxes:
        axes.plot([], [], ls="", marker=chosen[label].marker, c=chosen[label].colour, label=label)
    legend_below(figure, len(boxes))
    return figure


def shown_shots(shots: int) -> str:
    """The number of shots in words."""
    if shots == 0:
        return "untrained"
    return f"{shots} shot{'s'[: shots > 1]}" if shots > 0 else "all images"


def _places(slots: Sequence[tuple[int, str]]) -> list[float]:
    """Where boxes stand: one apart, and a gap more wherever the number of shots changes."""
    places = [0.0]
    for before, after in zip(slots, slots[1:], strict=False):
        places.append(places[-1] + (1.0 if before[0] == after[0] else 1.8))
    return places


def _draw_box(axes: Axes, place: float, values: Sequence[float], label: str, style: Style) -> None:
    if len(values) >= FEWEST_FOR_A_BOX:
        lines = {"color": style.colour, "linewidth": 1.0}
        parts = axes.boxplot(
            [list(values)],
            positions=[place],
            widths=0.62,
            patch_artist=True,
            showfliers=False,  # every run is drawn as a point anyway
            boxprops={"facecolor": f"{style.colour}2a", "edgecolor": style.colour},
            medianprops={**lines, "linewidth": 1.8},
            whiskerprops=lines,
            capprops=lines,
            manage_ticks=False,
        )
        of_method(label, *chain.from_iterable(parts.values()))
    else:
        ends = place - 0.31, place + 0.31
        of_method(label, axes.hlines(mean(values), *ends, color=style.colour, linewidth=1.8))
    offsets = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [0]
    look: dict[str, Any] = {"color": style.colour, "markersize": 3, "alpha": 0.8}
    of_method(label, *axes.plot(place + np.array(offsets), values, style.marker, **look))


@styled
def base_against_new(points: Mapping[str, tuple[Summary, Summary]], title: str = "") -> Figure:
    """Every method where its base and new accuracy are, with curves of equal harmonic mean.

    Args:
        points: label to (accuracy on base classes, accuracy on new classes).
    """
    figure = new_figure(WIDTH, 4.2)
    axes = figure.add_subplot(
        xlabel="accuracy on base classes (%)", ylabel="accuracy on new classes (%)"
    )
    axes.set_title(title, pad=16)  # above the labels of the curves
    for label, style in styles(points).items():
        base, new = points[label]
        drawn = axes.errorbar(
            base.mean,
            new.mean,
            new.std,
            base.std,
            ls="",
            color=style.colour,
            marker=style.marker,
            markerfacecolor=style.fill,
            elinewidth=0.8,
            label=label,
            zorder=3,
        )
        of_method(label, *drawn.get_children())
    _draw_equal_harmonic_means(axes)
    legend_below(figure, len(points))
    return figure


def _draw_equal_harmonic_means(axes: Axes) -> None:
    """Curves of H = 2 base new / (base + new), labelled where they leave the axes."""
    axes.margins(0.12)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    base, new = np.meshgrid(np.linspace(left, right, 120), np.linspace(bottom, top, 120))
    harmonic = 2 * base * new / np.maximum(base + new, 1e-9)
    curves = axes.contour(base, new, harmonic, levels=6, colors=FAINT, linewidths=0.9, zorder=1)
    for level in curves.levels:
        _label_curve(axes, level, right, top)


def _label_curve(axes: Axes, harmonic: float, right: float, top: float) -> None:
    """Its H at the right edge or, for a curve that leaves through it, at the upper edge."""
    (left, _), (bottom, _) = axes.get_xlim(), axes.get_ylim()
    look: dict[str, Any] = {"fontsize": 7, "color": SOFT}
    new = harmonic * right / (2 * right - harmonic) if 2 * right > harmonic else top + 1
    base = harmonic * top / (2 * top - harmonic) if 2 * top > harmonic else right + 1
    if bottom <= new <= top:
        axes.text(right, new, f" H {harmonic:g}", va="center", **look)
    elif left <= base <= right:
        axes.text(base, top, f"H {harmonic:g}", va="bottom", ha="center", **look)
