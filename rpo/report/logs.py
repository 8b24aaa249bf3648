"""log.txt of Dassl programs (CoOp, CoCoOp, MaPLe, RPO): what was run, and the accuracy."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rpo.methods.traits import known_traits
from rpo.report.names import TITLES

FILE_NAME = "log.txt"
# Dassl writes a rerun's log beside the first; an editor's log.txt~ is none.
NAME = re.compile(r"log\.txt(-\d{4}(-\d\d){5})?")
ACCURACY = re.compile(r"\* accuracy: ([\.\deE+-]+)%")
COUNT = re.compile(r"\* (total|correct): ([\d,]+)$")
EVALUATED = re.compile(r"valuat\w+ on (?:the )?\*?(\w+)\*? set")
SETTING = re.compile(r"( *)([A-Za-z_0-9]+):(?: (.*))?$")


class Result(NamedTuple):
    """What a log prints of a test: percent, with one decimal or computed from counts of images."""

    accuracy: float
    rounded: bool
    images: int


def read_log(path: Path) -> dict[str, Any]:
    """What a log says: dataset, method, shots, classes, seed, trained_on, backbone, result, config.

    The configuration that Dassl prints at its head is believed before the folder names.

    Raises:
        ValueError: the log has no accuracy on the test set, or nothing tells which run it is.
    """
    lines = read_lines(path)
    result = test_result(lines)
    if result is None:
        raise ValueError("no accuracy on the test set is in it: still running, or stopped")
    printed = settings(lines)
    facts = from_folders(path) | from_settings(printed)
    missing = [name for name in ("dataset", "method") if name not in facts]
    if missing:
        raise ValueError(f"neither its first lines nor its folder tell the {missing[0]}")
    # Arguments are printed in small letters.
    config = {key: value for key, value in printed.items() if key.split(".")[0].isupper()}
    trained = printed.get("eval_only") != "True"
    given = {"shots": -1, "classes": "all", "seed": -1, "trained": trained, "config": config}
    return {**given, **facts, "result": result}


class Newest(NamedTuple):
    """The log of a folder that counts, what was read from it, and the newest of its logs."""

    path: Path
    result: Any
    newest: Path


def newest_with_result(folder: Path, read: Callable[[Path], Any]) -> Newest | None:
    """The newest log of a folder that `read` finds a result in; the newest where none has one.

    Dassl calls a rerun's log `log.txt-<time>`; a rerun that was killed must not hide the result.
    """
    logs = [path for path in folder.glob(f"{FILE_NAME}*") if NAME.fullmatch(path.name)]
    logs.sort(key=lambda path: path.name, reverse=True)
    results = (Newest(path, read(path), logs[0]) for path in logs)
    found = next((log for log in results if log.result is not None), None)
    return found or (Newest(logs[0], None, logs[0]) if logs else None)


def read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def test_result(lines: Iterable[str]) -> Result | None:
    """The last accuracy below `=> result`, if it is that of the test set.

    `* correct: 2,565` and `* total: 3,900` above it give what one decimal does not.
    """
    result, reached, split = None, False, "test"
    counts: dict[str, int] = {}
    for line in lines:
        if evaluated := EVALUATED.search(line):
            split = evaluated.group(1)
        if line.strip() == "=> result":
            reached, counts = True, {}
        if count := COUNT.search(line.rstrip()):
            counts[count.group(1)] = int(count.group(2).replace(",", "") or 0)
        if (found := ACCURACY.search(line)) and reached and split == "test":
            result = _exact(float(found.group(1)), counts)
    return result


def _exact(printed: float, counts: Mapping[str, int]) -> Result:
    total, correct = counts.get("total", 0), counts.get("correct")
    if total and correct is not None and abs(100 * correct / total - printed) <= 0.0501:
        return Result(100 * correct / total, False, total)
    return Result(printed, True, total)


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
            if match.group(3) is not None:  # else it opens a section
                found[".".join(parents)] = match.group(3).strip()
    return found


def from_settings(found: Mapping[str, str]) -> dict[str, Any]:
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
        elif part in known_traits():
            facts["method"] = part
        elif match := re.fullmatch(r"(?:train|test)_(all|base|new)", part):
            facts["classes"] = match.group(1)
        elif match := re.fullmatch(r"seed(\d+)", part):
            facts["seed"] = int(match.group(1))
        elif match := re.fullmatch(r"shots_(\d+)|.*_(\d+)shots", part):
            facts["shots"] = int(match.group(1) or match.group(2))
    return facts
