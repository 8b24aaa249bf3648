"""Methods by their accuracy on base and on new classes."""

from collections.abc import Mapping, Sequence
from statistics import mean, pstdev
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import WIDTH, legend_below, new_figure
from .style import FAINT, SOFT, styled, styles


@styled
def base_against_new(
    points: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str = ""
) -> Figure:
    """Every method where its base and new accuracy are, with curves of equal harmonic mean.

    Args:
        points: label to (accuracies on base classes, accuracies on new classes), of the seeds.
    """
    figure = new_figure(WIDTH, 4.2)
    axes = figure.add_subplot(
        xlabel="accuracy on base classes (%)", ylabel="accuracy on new classes (%)"
    )
    axes.set_title(title, pad=16)  # above the labels of the curves
    for label, style in styles(points).items():
        base, new = points[label]
        axes.errorbar(
            mean(base),
            mean(new),
            pstdev(new),
            pstdev(base),
            ls="",
            color=style.colour,
            marker=style.marker,
            markerfacecolor=style.fill,
            elinewidth=0.8,
            label=label,
            zorder=3,
        )
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
