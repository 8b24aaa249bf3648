"""Paired differences as tables: each with its interval, and all of a method in words."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rpo.report.frame import Line
from rpo.report.paired import BETTER, MEASURES, NOT_SHOWN, WORSE, Difference
from rpo.report.table import About, Cell, Table, shown_shots

HEADERS = (
    *("dataset", "method", "config", "shots", "measure", "accuracy", "reference", "difference"),
    *("low", "high", "verdict", "p", "won", "lost", "McNemar p", "seeds", "images"),
)
MEANING = (
    "Percentage points, paired: the same seeds, the same test images. low and high are the 95 % "
    "interval of a bootstrap over images and seeds, p (two-sided, normal with the bootstrap's "
    "standard error) decides the verdict at 5 %. won and lost count the images that the method is "
    "right on in more seeds than the reference, and in fewer; McNemar's exact test compares them. "
    "Both p are corrected by Holm for all comparisons on the same measure. Few seeds say little "
    "about other seeds: two or three make an interval too short rather than too long."
)


def against_tables(differences: Sequence[Difference], reference: str) -> list[Table]:
    """The differences, and a sentence for each method."""
    rows = [_row(one) for one in differences]
    about = tuple(About(one.line, (one.dataset,), {}, one.experiment) for one in differences)
    title = f"Difference from {reference}"
    words = list(in_words(differences))
    return [
        Table("against", title, HEADERS, rows, (MEANING,), about),
        Table("words", f"Against {reference}, in words", ("method", "config", "shots", "result"),
              [(line.method, line.config, shown_shots(line.shots), text) for line, text in words]),
    ]  # fmt: skip


def _row(one: Difference) -> tuple[Cell, ...]:
    names = (one.dataset, one.line.method, one.line.config, shown_shots(one.line.shots))
    numbers = (one.ours, one.theirs, one.points, one.low, one.high, one.verdict, shown_p(one.p))
    exact = (one.won, one.lost, shown_p(one.mcnemar))
    return (*names, one.measure, *numbers, *exact, one.seeds, one.images)


def shown_p(p: float | None) -> str | None:
    """A probability with the digits that matter."""
    return None if p is None else f"{p:.2f}" if p >= 0.1 else f"{p:.1g}"


def in_words(differences: Sequence[Difference]) -> Iterator[tuple[Line, str]]:
    """Of each method a sentence on every measure, over its datasets."""
    single = [one for one in differences if one.experiment is not None]
    for line, members in groupby(single, lambda one: one.line):
        of_line = list(members)
        for source in dict.fromkeys(one.source for one in of_line):
            own = [one for one in of_line if one.source == source]
            parts = [
                f"{measure}: {tally(some)}"
                for measure in MEASURES
                if (some := [one for one in own if one.measure == measure])
            ]
            yield line, f"{f'from {source}, ' if source else ''}{'; '.join(parts)}."


def tally(differences: Sequence[Difference]) -> str:
    """ "better on 7 of 11, no difference shown on 3, worse on 1"."""
    counts = {
        name: sum(one.verdict == name for one in differences) for name in (BETTER, NOT_SHOWN, WORSE)
    }
    total = len(differences)
    first, *others = (f"{name} on {count}" for name, count in counts.items())
    return f"{first} of {total}, {', '.join(others)}"
