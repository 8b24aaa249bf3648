"""Which class was taken for which."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from .canvas import Margins, new_figure, text_width
from .style import INK, shorten, styled

# Above this, class names on the axes cannot be read; numbers in the cells neither.
MOST_LABELLED = 30
MOST_NUMBERED = 12
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#9ecae1", "#2171b5", "#08306b"])
BAR = 0.9


@styled
def confusion_matrix(cells: Iterable[tuple[int, int, int]], class_names: Sequence[str]) -> Figure:
    """Percent of each true class, a row each, that were taken for the class of a column.

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
        _draw_bar(figure, shown, (width - bar + 0.1) / width, room / height, side / height)
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


def _draw_bar(figure: Figure, shown: Any, left: float, bottom: float, height: float) -> None:
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
