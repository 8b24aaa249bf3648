"""A run to be verified, and the two ways in which a check ends early."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rpo.bundles import run_folders
from rpo.configurations import flat
from rpo.predictions import Predictions, read_predictions
from rpo.runs import PREDICTIONS, RESULTS, VERSION, read_object

TOLERANCE = 1e-9  # of sums that another machine adds up in another order
MISSING = "nothing"


class DifferenceError(Exception):
    """Something is not as the record has it."""


class NotChecked(Exception):
    """Something that a check needs is not here."""


@dataclass(frozen=True)
class Run:
    """A folder with a results.json.

    Attributes:
        record: its content; empty where it is damaged.
        damage: what is wrong with it.
        root: folder of the datasets; None: as configured in the record.
        backbone: name or file of the backbone; None: as recorded.
    """

    folder: Path
    record: dict[str, Any]
    damage: str = ""
    root: str | None = None
    backbone: str | None = None

    @property
    def title(self) -> str:
        """In words."""
        named = {key: self.record.get(key) for key in ("method", "dataset", "classes")}
        seed = "" if self.record.get("seed") == -1 else f", seed {self.record.get('seed')}"
        return "{method} on {dataset}, {classes} classes".format(**named) + seed

    def told(self, what: str) -> Any:
        """The SHA-256 that the record tells of something; None: there is no such thing."""
        return self.record["sha256"].get(what)

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as OPTIM.LR and the like."""
        return flat(self.record["config"])

    @cached_property
    def predictions(self) -> Predictions:
        """Raises ValueError, FileNotFoundError: there are none that can be read."""
        return read_predictions(self.folder / PREDICTIONS)


def find_runs(folders: Iterable[Path], **options: Any) -> Iterator[Run]:
    """Every run in or below some folders, by name.

    Args:
        options: of `Run`.

    Raises:
        FileNotFoundError: a folder holds none. ValueError: it is no folder.
    """
    for folder in folders:
        if folder.is_file():
            raise ValueError(f"{folder} is neither a folder nor a bundle")
        found = [each for each in run_folders(folder) if (each / RESULTS).is_file()]
        if not found:
            raise FileNotFoundError(f"there is no {RESULTS} in or below {folder}")
        for each in found:
            try:
                yield Run(each, read_object(each / RESULTS), **options)
            except ValueError as error:
                yield Run(each, {}, str(error), **options)


def why_unverifiable(run: Run) -> str:
    """Why a record carries nothing to check it by; empty where it does, or is damaged."""
    if not run.damage and not {"version", "seal"} & set(run.record):
        return (
            "was written before version 1. Evaluating the run again, with rpo train --eval-only, "
            "writes it anew"
        )
    measured = run.record.get("metrics")
    if isinstance(measured, dict) and set(measured) == {"val"}:
        return "is of validation images alone (TEST.SPLIT val), of which no predictions are kept"
    return ""


def check_version(run: Run) -> None:
    """Raises DifferenceError for a version that this program does not know."""
    version = run.record.get("version")
    if version != VERSION or isinstance(version, bool):
        raise DifferenceError(f"version is {version!r}; this program knows version {VERSION}")


def require_equal(where: str, recorded: Any, found: Any, source: str) -> None:
    """Raises DifferenceError, naming the place, unless two pieces of plain data agree.

    Args:
        source: what gives the second one, at the beginning of a sentence.
    """
    if isinstance(recorded, dict) and isinstance(found, dict):
        for key in recorded | found:
            pair = recorded.get(key, MISSING), found.get(key, MISSING)
            require_equal(f"{where}.{key}", *pair, source)
    elif isinstance(recorded, (list, tuple)) and isinstance(found, (list, tuple)):
        for index, pair in enumerate(zip_longest(recorded, found, fillvalue=MISSING)):
            require_equal(f"{where}[{index}]", *pair, source)
    elif not _agree(recorded, found):
        raise DifferenceError(f"{where} is {recorded!r} in {RESULTS}; {source} {found!r}")


def _agree(recorded: Any, found: Any) -> bool:
    numbers = all(type(value) in (int, float) for value in (recorded, found))
    if numbers:
        return math.isclose(recorded, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return type(recorded) is type(found) and recorded == found
