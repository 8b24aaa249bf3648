"""Whether a model is right as often as it is confident."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import Margins, new_figure
from .style import INK, SOFT, styled, styles

Bins = Sequence[Mapping[str, Any]]


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
