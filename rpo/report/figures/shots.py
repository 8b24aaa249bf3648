"""Accuracy over the number of labelled images a class: the few-shot curves."""

from collections.abc import Mapping, Sequence
from statistics import mean, pstdev

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import WIDTH, legend_below, new_figure
from .style import Style, styled, styles


@styled
def accuracy_over_shots(
    curves: Mapping[str, Mapping[int, Sequence[float]]], title: str = ""
) -> Figure:
    """The few-shot curves of one dataset.

    Args:
        curves: label to shots to the seeds' accuracies in percent. What was not trained has its
            accuracy under 0 shots and is drawn as a level line.
    """
    figure = new_figure(WIDTH, 3.3)
    axes = figure.add_subplot(title=title, xlabel="labelled images a class", ylabel="accuracy (%)")
    axes.set_xscale("log", base=2)
    axes.grid(axis="y")
    chosen = styles(curves)
    for index, (label, points) in enumerate(curves.items()):
        if set(points) == {0}:
            axes.axhline(mean(points[0]), color=chosen[label].colour, ls=":", label=label)
        else:
            _draw_curve(axes, label, points, chosen[label], 2 ** (0.05 * (index % 5 - 2)))
    shots = sorted({number for points in curves.values() for number in points if number > 0})
    axes.set_xticks(shots, labels=[str(number) for number in shots])
    axes.minorticks_off()
    legend_below(figure, len(curves))
    return figure


def _draw_curve(
    axes: Axes, label: str, points: Mapping[int, Sequence[float]], style: Style, shift: float
) -> None:
    """Means with the standard deviation over seeds; shifted, so that bars do not hide bars."""
    shots = sorted(number for number in points if number > 0)
    axes.errorbar(
        [number * shift for number in shots],
        [mean(points[number]) for number in shots],
        [pstdev(points[number]) for number in shots],
        label=label,
        color=style.colour,
        marker=style.marker,
        markerfacecolor=style.fill,
        linestyle=style.line,
        elinewidth=0.9,
        capsize=2,
    )
