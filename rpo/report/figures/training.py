"""The training loss over epochs."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .canvas import Margins, new_figure
from .style import styled, styles

History = Sequence[Mapping[str, Any]]


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
        if len(histories) > 1:
            axes.plot(*zip(*points, strict=True), color=colour, linewidth=0.7, alpha=0.55)
        for epoch, value in points:
            by_epoch.setdefault(epoch, []).append(value)
    epochs = sorted(by_epoch)
    marker = "o" if len(epochs) == 1 else ""
    axes.plot(epochs, [mean(by_epoch[epoch]) for epoch in epochs], c=colour, lw=2.2, marker=marker)
