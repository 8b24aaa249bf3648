"""Finished runs as records: results.json, or log.txt of the original programs."""

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rpo.reporting import logs
from rpo.reporting.names import TITLES
from rpo.results import FILE_NAME


class Record(NamedTuple):
    """The test accuracy of one run.

    Attributes:
        dataset: title, as the class of the dataset is called: "EuroSAT".
        config: the folder above `seed<k>`, which the scripts name after the method's YAML file.
        shots: training images a class; -1 for all, or for none.
        classes: "all", "base" or "new".
        seed: -1 where the run had none.
        accuracy: percent.
        trained_on: title of the dataset that the parameters come from.
        decimals: of the accuracy, 1 in a log; None is full precision.
        path: results.json or log.txt.
        content: the parsed results.json; empty for a log.
    """

    dataset: str
    method: str
    config: str
    shots: int
    classes: str
    seed: int
    accuracy: float
    trained_on: str
    decimals: int | None
    path: Path
    content: Mapping[str, Any]


def read_records(folders: Iterable[str | Path]) -> list[Record]:
    """Every run in or below the folders, once; what cannot be read is named on stderr.

    A folder without results.json is read from its newest log, which has one decimal.

    Raises:
        FileNotFoundError: a folder does not exist, or holds neither results.json nor log.txt, or
            none of them could be read.
    """
    records: dict[tuple[Any, ...], Record] = {}
    searched = [Path(folder) for folder in folders]
    for path in (source for folder in searched for source in _sources(folder)):
        _keep(records, path)
    if not records:
        raise FileNotFoundError(f"no finished run is in or below {', '.join(map(str, searched))}")
    return list(records.values())


def config_name(path: Path) -> str:
    """The folder above `seed<k>` (and above the tested dataset), less CoOp's `_16shots`."""
    folder = path.parent
    while re.fullmatch(r"seed-?\d+", folder.name) or folder.name in TITLES:
        folder = folder.parent
    return re.sub(r"_\d+shots$", "", folder.name)


def _sources(folder: Path) -> Iterator[Path]:
    """The file that each run below a folder is read from, in the order of their names."""
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    found = False
    for name, folders, files in os.walk(folder.parent if folder.is_file() else folder):
        folders.sort()
        if FILE_NAME in files or logs.FILE_NAME in files:
            found = True
            yield Path(name, FILE_NAME if FILE_NAME in files else logs.FILE_NAME)
    if not found:
        raise FileNotFoundError(
            f"there is no {FILE_NAME} and no {logs.FILE_NAME} in or below {folder}"
        )


def _keep(records: dict[tuple[Any, ...], Record], path: Path) -> None:
    try:
        record = _from_json(path) if path.name == FILE_NAME else _from_log(path)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        _say(f"{path} is skipped: {_reason(error)}")
        return
    key = (*record[:6], record.trained_on)
    records[key] = _better(records[key], record) if key in records else record


def _from_json(path: Path) -> Record:
    content = json.loads(path.read_text(encoding="utf-8"))
    test = content["metrics"].get("test") or {}
    if "accuracy" not in test:
        raise ValueError("it has no accuracy on the test set")
    for name in ("seconds", "images", "config"):
        if not isinstance(content.get(name) or {}, dict):
            raise ValueError(f"its {name!r} is no mapping")
    source = content.get("trained_on") or {}
    facts = {**content, "accuracy": test["accuracy"], "trained_on": source.get("dataset")}
    if int(content["shots"]) <= 0 and source.get("shots"):
        facts["shots"] = source["shots"]
    return _record(path, facts, None, content)


def _from_log(path: Path) -> Record:
    newest = logs.newest_log(path.parent) or path
    if newest != path:
        _say(f"{path} had a rerun, which counts: {newest.name}")
    facts = logs.read_log(newest)
    return _record(newest, facts, 1, {})


def _record(
    path: Path, facts: Mapping[str, Any], decimals: int | None, content: Mapping[str, Any]
) -> Record:
    accuracy = float(facts["accuracy"])
    if not (math.isfinite(accuracy) and 0 <= accuracy <= 100):
        raise ValueError(f"its accuracy {accuracy} is not a percentage")
    return Record(
        dataset=str(facts["dataset"]),
        method=str(facts["method"]),
        config=config_name(path),
        shots=int(facts["shots"]),
        classes=str(facts["classes"]),
        seed=int(facts["seed"]),
        accuracy=accuracy,
        trained_on=str(facts.get("trained_on") or facts["dataset"]),
        decimals=decimals,
        path=path,
        content=content,
    )


def _better(known: Record, other: Record) -> Record:
    """Of two files of the same run the first, if none is of higher worth.

    They may differ by rounding: half of the last digit.
    """
    chosen = max(known, other, key=_worth)
    tolerance = 0.05 if known.decimals or other.decimals else 0.005
    if abs(known.accuracy - other.accuracy) > tolerance + 1e-9:
        _say(
            f"the same run twice, with different accuracies: {known.accuracy:g} in {known.path}, "
            f"{other.accuracy:g} in {other.path}. {chosen.path} counts; report them apart to see "
            "both"
        )
    return chosen


def _worth(record: Record) -> tuple[bool, bool]:
    """Full precision first; then the run that trained, which also knows how long that took."""
    return record.decimals is None, "train" in (record.content.get("seconds") or {})


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no complete JSON ({error})"
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}"
    return str(error)


def _say(message: str) -> None:
    print(f"note: {message}", file=sys.stderr)
