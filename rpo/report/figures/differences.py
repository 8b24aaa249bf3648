"""A figure of paired differences: a point and an interval for each method, a column a measure."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rpo.report.figures.style import (
    SOFT,
    Margins,
    Style,
    new_figure,
    of_method,
    shorten,
    styled,
    styles,
    text_width,
)
from rpo.report.paired import MEASURES, NOT_SHOWN, Difference

PANEL, ROW = 1.9, 0.24  # inches


@styled
def difference_intervals(differences: Sequence[Difference], labels: Sequence[str]) -> Figure:
    """Differences from the reference on one dataset, or of an average, in percentage points.

    What is to the right of the line is better than the reference; a filled point says that the
    difference is shown, after correction.

    Args:
        labels: of each difference, its method first.
    """
    rows = list(dict.fromkeys(labels))
    measures = [name for name in MEASURES if any(one.measure == name for one in differences)]
    room = Margins(text_width(map(shorten, rows)), 0.15, 0.55, 0.35)
    width = room.left + room.right + PANEL * len(measures)
    figure = new_figure(width, room.bottom + room.top + ROW * (len(rows) + 0.6), room)
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    chosen = styles(rows)
    for axes, measure in zip(panels, measures, strict=True):
        axes.set_title(measure)
        axes.axvline(0, color=SOFT, linewidth=0.9)
        axes.grid(axis="x")
        for one, label in zip(differences, labels, strict=True):
            if one.measure == measure:
                _draw(axes, rows.index(label), one, label, chosen[label])
    panels[0].set_yticks(range(len(rows)), labels=[shorten(row) for row in rows])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    text = f"{differences[0].dataset}: difference from {differences[0].reference} (points)"
    figure.supxlabel(text, fontsize=9, color=SOFT)
    return figure


def _draw(axes: Axes, row: int, one: Difference, label: str, style: Style) -> None:
    shown = one.verdict != NOT_SHOWN
    line = axes.hlines(row, one.low, one.high, color=style.colour, linewidth=1.6)
    fill = style.colour if shown else "white"
    points = axes.plot(one.points, row, style.marker, color=style.colour, markerfacecolor=fill)
    of_method(label, line, *points)
