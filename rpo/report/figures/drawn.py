"""A figure and what is to be said about it."""

from typing import NamedTuple

from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """A figure with its file name (no suffix), its title, what is seen, and whose it is."""

    name: str
    title: str
    caption: str
    figure: Figure
    dataset: str = ""
