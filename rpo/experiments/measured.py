"""What steps took: the table that ships with the package, and what was measured on this machine.

The shipped rows are those of benchmarks/README.md, with the scatter that it states.
"""

import csv
import importlib.resources
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rpo.files import cache_folder, write_text

SHIPPED, HERE = "the shipped table", "measured here"


class Kind(NamedTuple):
    """What decides how long a step takes.

    Attributes:
        device: the name of a GPU, or "cpu, 2 threads".
        k: the number of prompts, 0 where the method has none.
        batch: images a step; 0 for what learns nothing.
    """

    device: str
    backbone: str
    method: str
    k: int
    classes: int
    batch: int


class Measured(NamedTuple):
    """One row: seconds of a training step, of an image that is evaluated, and until both begin.

    Attributes:
        low, high: of a step, the least and the most of those that were measured.
        bytes: of a run's folder once it has finished; 0: unknown.
        source: SHIPPED or HERE.
    """

    kind: Kind
    step: float
    low: float
    high: float
    image: float
    load: float
    bytes: int
    source: str


def measured_file() -> Path:
    """Where what is measured on this machine is kept."""
    return cache_folder() / "steps.csv"


def table() -> list[Measured]:
    """All rows, those measured here first."""
    shipped = importlib.resources.files("rpo.assets").joinpath("steps.csv").read_text("utf-8")
    own = measured_file().read_text("utf-8") if measured_file().is_file() else ""
    return [*_rows(own, HERE), *_rows(shipped, SHIPPED)]


def _rows(text: str, source: str) -> list[Measured]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [_row(row, source) for row in csv.DictReader(lines)]


def _row(row: dict[str, str], source: str) -> Measured:
    kind = Kind(
        row["device"], row["backbone"], row["method"],
        int(row["k"]), int(row["classes"]), int(row["batch"]),
    )  # fmt: skip
    step, low, high, image, load = (
        float(row[name]) for name in ("step", "low", "high", "image", "load")
    )
    return Measured(kind, step, low, high, image, load, int(row["bytes"]), source)


def likely_device(gpus: bool, here: str) -> str:
    """The device of nodes with or without GPUs, by what was measured last; `here` if nothing was.

    A login node does not know what the others have.
    """
    own = [row.kind.device for row in table() if row.source == HERE]
    fitting = [device for device in own if device.startswith("cpu") != gpus]
    return fitting[-1] if fitting else here


def add(rows: Iterable[Measured]) -> None:
    """Keeps what was measured here; a kind that was measured before is replaced."""
    known = {row.kind: row for row in table() if row.source == HERE}
    known |= {row.kind: row for row in rows}
    columns = [*Kind._fields, *Measured._fields[1:-1]]
    lines = [",".join(columns)]
    for row in known.values():
        cells = [f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row[1:-1]]
        kind = [f'"{cell}"' if isinstance(cell, str) else str(cell) for cell in row.kind]
        lines.append(",".join([*kind, *cells]))
    write_text(measured_file(), "\n".join(lines) + "\n")


def look_up(kind: Kind, rows: Sequence[Measured]) -> Measured | None:
    """The row of a kind, between those of fewer and of more classes; None if there is no such.

    With more classes than were measured a step is taken to grow in proportion.
    """
    alike = [row for row in rows if row.kind._replace(classes=0) == kind._replace(classes=0)]
    exact = [row for row in alike if row.kind.classes == kind.classes]
    if exact or not alike:
        return exact[0] if exact else None
    fewer = [row for row in alike if row.kind.classes < kind.classes]
    more = [row for row in alike if row.kind.classes > kind.classes]
    low = max(fewer, key=lambda row: row.kind.classes, default=None)
    high = min(more, key=lambda row: row.kind.classes, default=None)
    if low is None or high is None:
        nearest = low or high
        assert nearest is not None
        factor = max(1.0, kind.classes / nearest.kind.classes)
        return nearest._replace(
            kind=kind, step=nearest.step * factor, low=nearest.low, high=nearest.high * factor
        )
    share = (kind.classes - low.kind.classes) / (high.kind.classes - low.kind.classes)
    between = [a + share * (b - a) for a, b in zip(low[1:4], high[1:4], strict=True)]
    return low._replace(kind=kind, step=between[0], low=between[1], high=between[2])
