"""Accuracy of each class."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import Margins, new_figure, text_width
from .style import FAINT, INK, shorten, styled, styles

# Bars are drawn for this many of the worst and of the best classes.
ENDS = 20


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
