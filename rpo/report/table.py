"""A table before it is written in any format."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from rpo.report.frame import Experiment, Line
from rpo.report.names import learns
from rpo.report.statistics import Noise, Summary

# None is a missing value, which is not the same as zero or an empty text.
Cell = str | int | float | Summary | None


class About(NamedTuple):
    """What a row is about, for the page, which sets the best of equal conditions bold.

    Attributes:
        line: method, config, shots and backbone.
        tested: on what: the dataset, or those of an average, and classes.
        noise: of the columns that hold accuracies, by header.
        experiment: whose runs the row is of.
    """

    line: Line
    tested: tuple[str, ...]
    noise: Mapping[str, Noise]
    experiment: Experiment | None = None

    def compares_with(self, other: "About") -> bool:
        """Whether the conditions are equal; what does not learn is a rival at any shots."""
        either_untrained = not (learns(self.line.method) and learns(other.line.method))
        return (
            self.tested == other.tested
            and self.line.backbone == other.line.backbone
            and (self.line.shots == other.line.shots or either_untrained)
        )


class Table(NamedTuple):
    """Rows below headers; `name` is what `--table` calls it, `notes` stand below it.

    `about` is one for each row, or nothing.
    """

    name: str
    title: str
    headers: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: tuple[str, ...] = ()
    about: tuple[About, ...] = ()


def cell_text(cell: Cell, spread: str = "std") -> str:
    """Two decimals; a dash for what is missing; a single number has no spread."""
    if cell is None:
        return "-"
    if isinstance(cell, Summary):
        width = getattr(cell, spread, None) if cell.n > 1 else None
        return two_decimals(cell.mean) + ("" if width is None else f" ± {width:.2f}")
    return two_decimals(cell) if isinstance(cell, float) else str(cell)


def two_decimals(number: float) -> str:
    """Without the sign of a zero."""
    text = f"{number:.2f}"
    return "0.00" if text == "-0.00" else text


def shown_shots(shots: int) -> int | None:
    """Shots as a cell: zero-shot methods, and runs on all images, have none."""
    return shots if shots > 0 else None


def span(counts: Iterable[int]) -> str:
    """Several counts as a cell: "3", or "1-3" where they differ."""
    numbers = sorted(set(counts))
    return "-".join(str(number) for number in numbers[:: max(1, len(numbers) - 1)])


def notes_on(used: pd.DataFrame) -> tuple[str, ...]:
    """What a reader should know of the runs that a table is made of."""
    kinds = (_unlike_published, backbones, _fewer_images, _single_classes, _from_logs)
    return tuple(note for notes in kinds for note in notes(used))


def backbones(used: pd.DataFrame) -> list[str]:
    """Which CLIP; of several, whose is which, as accuracies of two say nothing of their methods."""
    known = used[used["backbone"] != ""]
    names = sorted(known["backbone"].unique())
    if len(names) < 2:
        return [f"Backbone: {name}." for name in names]
    of_each = (f"{name}: {_whose(known[known['backbone'] == name])}" for name in names)
    return [f"NOT ONE BACKBONE: {'; '.join(of_each)}."]


def _unlike_published(used: pd.DataFrame) -> list[str]:
    """Whose accuracy stands beside none of the papers': images are missing, or split otherwise."""
    found: dict[str, str] = {}
    for dataset, content in zip(used["dataset"], used["content"], strict=True):
        if said := (content.get("data") or {}).get("unlike_published"):
            found.setdefault(dataset, said)
    return [
        f"NOT COMPARABLE with published values: {name} ({said})." for name, said in found.items()
    ]


def _fewer_images(used: pd.DataFrame) -> list[str]:
    """Whose shots are not as many as the column says."""
    found: dict[tuple[str, int], str] = {}
    trained = used[used["trained"]]
    columns = trained["dataset"], trained["shots"], trained["content"]
    for dataset, shots, content in zip(*columns, strict=True):
        if said := (content.get("data") or {}).get("fewer_images"):
            found.setdefault((dataset, shots), said)
    return [f"{dataset}, {shots:,} shots: {said}." for (dataset, shots), said in found.items()]


def _single_classes(used: pd.DataFrame) -> list[str]:
    """Whose accuracy says nothing: three classes leave one to be new."""
    names = [content.get("class_names") or () for content in used["content"]]
    alone = used[[len(classes) == 1 for classes in names]]
    found = dict.fromkeys(zip(alone["dataset"], alone["classes"], strict=True))
    return [f"{dataset}, {part}: a single class, which is always right." for dataset, part in found]


def _from_logs(used: pd.DataFrame) -> list[str]:
    """How many of the accuracies come from logs, and whose have one decimal only."""
    from_logs = used[~used["content"].astype(bool)]
    rounded = from_logs[from_logs["rounded"]]
    notes = []
    if len(rounded):
        notes.append(
            f"{len(rounded)} of {len(used)} accuracies were read from log.txt, which has one "
            f"decimal: {_whose(rounded)}."
        )
    if exact := len(from_logs) - len(rounded):
        notes.append(
            f"{exact} of {len(used)} accuracies were computed from log.txt (correct / total): "
            f"{_whose(from_logs[~from_logs['rounded']])}. The papers average what logs print; "
            "--decimals 1 does the same."
        )
    return notes


def _whose(runs: pd.DataFrame) -> str:
    return ", ".join(sorted({f"{run.method} {run.config}" for run in runs.itertuples()}))
