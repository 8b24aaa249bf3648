"""The variance of the accuracy over seeds (figures 1 and 5 of RPO's paper)."""

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import WIDTH, legend_below, new_figure
from .style import Style, styled, styles

# What a boxplot needs: with fewer seeds only the points and their mean are drawn.
FEWEST_FOR_A_BOX = 4


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
        _draw_box(axes, place, boxes[slot[1]][slot[0]], chosen[slot[1]])
    centres = [
        mean([place for slot, place in zip(slots, places, strict=True) if slot[0] == number])
        for number in shots
    ]
    names = [f"{number} shot{'s'[: number > 1]}" if number else "untrained" for number in shots]
    axes.set_xticks(centres, labels=names)
    axes.tick_params(axis="x", length=0)
    for label in boxes:
        axes.plot([], [], ls="", marker=chosen[label].marker, c=chosen[label].colour, label=label)
    legend_below(figure, len(boxes))
    return figure


def _places(slots: Sequence[tuple[int, str]]) -> list[float]:
    """Where boxes stand: one apart, and a gap more wherever the number of shots changes."""
    places = [0.0]
    for before, after in zip(slots, slots[1:], strict=False):
        places.append(places[-1] + (1.0 if before[0] == after[0] else 1.8))
    return places


def _draw_box(axes: Axes, place: float, values: Sequence[float], style: Style) -> None:
    if len(values) >= FEWEST_FOR_A_BOX:
        lines = {"color": style.colour, "linewidth": 1.0}
        axes.boxplot(
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
    else:
        axes.hlines(mean(values), place - 0.31, place + 0.31, color=style.colour, linewidth=1.8)
    offsets = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else [0]
    axes.plot(place + np.array(offsets), values, style.marker, c=style.colour, ms=3, alpha=0.8)
