"""How every figure looks: one colour and one marker a method, small text, room around the axes."""

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, ParamSpec

import matplotlib
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from rpo.methods.traits import known_traits

Arguments = ParamSpec("Arguments")

# The traits' colours are Okabe and Ito's, Tol's and greys, which stay apart for colour-blind
# readers too. These are for methods of others: far from the traits' and from each other.
SPARE = tuple(
    zip(
        ("#882255", "#44aa99", "#aa00ff", "#8844ee", "#cc0044", "#886644", "#0000ee", "#224400")
        + ("#ee00ee", "#cc88ee", "#ee8888", "#442244", "#660000", "#0066ee", "#aa22aa", "#00cc00"),
        4 * ("*", ">", "d", "8"),
        strict=True,
    )
)
SERIES = "method:"  # begins the names of what is drawn of a method
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
        if traits := known_traits().get(method):
            colour, marker = traits.colour, traits.marker
        else:
            place = unknown.setdefault(method, len(unknown))
            colour, marker = SPARE[place % len(SPARE)]
        variant = seen[method] = seen.get(method, -1) + 1
        fill = colour if variant == 0 else "white"
        chosen[label] = Style(colour, marker, LINES[variant % len(LINES)], fill)
    return chosen


def of_method(label: str, *artists: Artist) -> None:
    """Says whose some marks are: the page hides those of methods that are not chosen."""
    for artist in artists:
        artist.set_gid(f"{SERIES}{label.split()[0]}")


def shorten(name: str, length: int = 26) -> str:
    """A long name with an ellipsis in its middle, where names of a family are alike least."""
    if len(name) <= length:
        return name
    head = (length - 1) * 2 // 3
    return f"{name[:head]}…{name[head + 1 - length :]}"
