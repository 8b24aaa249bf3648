"""One finished run: results.json, or log.txt of the original programs."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rpo.report import logs
from rpo.report.names import TITLES


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


def from_json(path: Path) -> Record:
    """The record of a results.json.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is cut short, or of another schema.
    """
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


def from_log(path: Path) -> Record:
    """The record of a log, whose accuracy has one decimal.

    Raises:
        ValueError: it has no test accuracy, or nothing tells which run it is.
    """
    return _record(path, logs.read_log(path), 1, {})


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


def config_name(path: Path) -> str:
    """The folder above `seed<k>` (and above the tested dataset), less CoOp's `_16shots`."""
    folder = path.absolute().parent
    while re.fullmatch(r"seed-?\d+", folder.name) or folder.name in TITLES:
        folder = folder.parent
    return re.sub(r"_\d+shots$", "", folder.name)
