"""Empty figures of a size, with room around their axes."""

from collections.abc import Iterable
from typing import NamedTuple

from matplotlib.figure import Figure

# Inches: three such figures stand side by side on a wide page.
WIDTH = 4.2


class Margins(NamedTuple):
    """Room around the axes, in inches."""

    left: float
    right: float
    bottom: float
    top: float


def new_figure(width: float, height: float, margins: Margins | None = None) -> Figure:
    """An empty figure, in inches, which nobody else knows of (no pyplot).

    Without margins matplotlib measures every text and makes room, which takes as long as all the
    rest: figures of which a page has hundreds say what they need.
    """
    if margins is None:
        return Figure(figsize=(width, height), layout="constrained")
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=margins.left / width,
        right=1 - margins.right / width,
        bottom=margins.bottom / height,
        top=1 - margins.top / height,
    )
    return figure


def text_width(texts: Iterable[str]) -> float:
    """Room in inches for the longest of some tick labels, of 8 points."""
    return 0.1 + 0.066 * max((len(text) for text in texts), default=0)


def legend_below(figure: Figure, entries: int) -> None:
    """A legend under the axes, in at most four columns."""
    figure.legend(loc="outside lower center", ncols=min(entries, 4), columnspacing=1.2)
