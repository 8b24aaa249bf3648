"""log.txt of Dassl programs (CoOp, CoCoOp, MaPLe, RPO): what was run, and the accuracy."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rpo.report.names import METHODS, TITLES

FILE_NAME = "log.txt"
ACCURACY = re.compile(r"\* accuracy: ([\.\deE+-]+)%")
EVALUATED = re.compile(r"valuat\w+ on (?:the )?\*?(\w+)\*? set")
SETTING = re.compile(r"( *)([A-Za-z_0-9]+):(?: (.*))?$")


def read_log(path: Path) -> dict[str, Any]:
    """What a log says: dataset, method, shots, classes, seed, trained_on, backbone, accuracy.

    The configuration that Dassl prints at its head is believed before the folder names.

    Raises:
        ValueError: the log has no accuracy on the test set, or nothing tells which run it is.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    accuracy = test_accuracy(lines)
    if accuracy is None:
        raise ValueError("no accuracy on the test set is in it: still running, or stopped")
    facts = from_folders(path) | from_settings(settings(lines))
    missing = [name for name in ("dataset", "method") if name not in facts]
    if missing:
        raise ValueError(f"neither its first lines nor its folder tell the {missing[0]}")
    return {"shots": -1, "classes": "all", "seed": -1, **facts, "accuracy": accuracy}


def newest_log(folder: Path) -> Path | None:
    """The log of a folder's last run: Dassl calls a rerun's log `log.txt-<time>`."""
    return max(folder.glob(f"{FILE_NAME}*"), key=lambda path: path.name, default=None)


def test_accuracy(lines: Iterable[str]) -> float | None:
    """The last accuracy in percent below `=> result`, if it is that of the test set."""
    accuracy, reached, split = None, False, "test"
    for line in lines:
        evaluated, found = EVALUATED.search(line), ACCURACY.search(line)
        reached = reached or line.strip() == "=> result"
        if evaluated:
            split = evaluated.group(1)
        if found and reached and split == "test":
            accuracy = float(found.group(1))
    return accuracy


def settings(lines: Iterable[str]) -> dict[str, str]:
    """Dassl's printed configuration as `DATASET.NAME` to text; a rerun's replaces the earlier."""
    found: dict[str, str] = {}
    parents: list[str] = []
    inside = False
    for line in lines:
        if line.startswith("** "):
            inside = line.strip() in ("** Arguments **", "** Config **")
        match = SETTING.match(line) if inside else None
        if match:
            depth = len(match.group(1)) // 2
            parents = [*parents[:depth], match.group(2)]
            found[".".join(parents)] = (match.group(3) or "").strip()
    return found


def from_settings(found: dict[str, str]) -> dict[str, Any]:
    """The facts that a printed configuration holds, those of an untold value left out."""
    names = {
        "dataset": "DATASET.NAME",
        "method": "TRAINER.NAME",
        "classes": "DATASET.SUBSAMPLE_CLASSES",
        "backbone": "MODEL.BACKBONE.NAME",
    }
    facts: dict[str, Any] = {name: found[key] for name, key in names.items() if found.get(key)}
    for name, key in (("seed", "SEED"), ("shots", "DATASET.NUM_SHOTS")):
        if found.get(key, "").isdigit():
            facts[name] = int(found[key])
    if found.get("eval_only") == "True" and found.get("model_dir"):
        source = from_folders(Path(found["model_dir"]) / FILE_NAME)
        facts |= {"trained_on": source["dataset"]} if "dataset" in source else {}
        facts = {"shots": source["shots"], **facts} if "shots" in source else facts
    return facts


def from_folders(path: Path) -> dict[str, Any]:
    """The facts that the original programs' folder names hold, the innermost folder first."""
    facts: dict[str, Any] = {}
    for part in path.parts[:-1]:
        if part in TITLES:
            facts["dataset"] = TITLES[part]
        elif part in METHODS:
            facts["method"] = part
        elif match := re.fullmatch(r"(?:train|test)_(all|base|new)", part):
            facts["classes"] = match.group(1)
        elif match := re.fullmatch(r"seed(\d+)", part):
            facts["seed"] = int(match.group(1))
        elif match := re.fullmatch(r"shots_(\d+)|.*_(\d+)shots", part):
            facts["shots"] = int(match.group(1) or match.group(2))
    return facts
