"""How every figure looks: one colour and one marker a method, small text, little ink."""

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, ParamSpec

import matplotlib
from matplotlib.figure import Figure

Arguments = ParamSpec("Arguments")

# Colours that stay apart for colour-blind readers: Okabe and Ito's, then Tol's. Greys: untrained.
COLOURS = {
    "RPO": ("#d55e00", "o"),
    "CoOp": ("#0072b2", "s"),
    "CoCoOp": ("#56b4e9", "D"),
    "MaPLe": ("#009e73", "^"),
    "VPT": ("#cc79a7", "v"),
    "IVLP": ("#e69f00", "P"),
    "LP": ("#332288", "X"),
    "LogisticProbe": ("#999933", "<"),
    "ZeroshotCLIP": ("#444444", "p"),
    "ZeroshotCLIP2": ("#909090", "h"),
}
# For methods of others, by their order.
SPARE = (("#882255", "*"), ("#44aa99", ">"), ("#aa8f2c", "d"), ("#6699cc", "8"))
# Configurations of one method have its colour and differ in the line.
LINES = ("-", "--", ":", "-.")
INK, SOFT, FAINT = "#222222", "#666666", "#dddddd"
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": SOFT,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "text.parse_math": False,  # a class name may hold a dollar sign
    "svg.fonttype": "none",
    "svg.hashsalt": "rpo",
    "pdf.fonttype": 42,
}


class Style(NamedTuple):
    """How one series is drawn; `fill` is the inside of its markers."""

    colour: str
    marker: str
    line: str
    fill: str


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Draws with the settings above and leaves matplotlib's own as they were."""

    @functools.wraps(draw)
    def draw_styled(*args: Arguments.args, **options: Arguments.kwargs) -> Figure:
        with settings():
            return draw(*args, **options)

    return draw_styled


def settings() -> Any:
    """A context in which figures are drawn and saved."""
    warnings.filterwarnings("ignore", message="Glyph .* missing from font")
    return matplotlib.rc_context(SETTINGS)


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """A style for each label, whose first word is the method and the rest its configuration."""
    chosen: dict[str, Style] = {}
    seen: dict[str, int] = {}
    unknown: dict[str, int] = {}
    for label in labels:
        method = label.split()[0]
        if method not in COLOURS:
            unknown.setdefault(method, len(unknown))
        colour, marker = COLOURS.get(method) or SPARE[unknown[method] % len(SPARE)]
        variant = seen[method] = seen.get(method, -1) + 1
        fill = colour if variant == 0 else "white"
        chosen[label] = Style(colour, marker, LINES[variant % len(LINES)], fill)
    return chosen


def shorten(name: str, length: int = 26) -> str:
    """A long name with an ellipsis in its middle, where names of a family are alike least."""
    if len(name) <= length:
        return name
    head = (length - 1) * 2 // 3
    return f"{name[:head]}…{name[head + 1 - length :]}"
