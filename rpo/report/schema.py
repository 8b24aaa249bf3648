"""What a results.json must hold, checked once, so that no table or figure meets anything else."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from rpo.report.names import CLASSES, cleaned
from rpo.runs import VERSION

# A mapping by key ("?" may be missing, null or an empty mapping, "*" is every key), a list of one
# kind, or a check and what it asks for.
Kind: TypeAlias = "Mapping[str, Any] | list[Any] | tuple[Callable[[Any], bool], str]"
# The parts of a record that tell the splits apart.
OF_SPLITS = ("metrics", "details", "images")
# Beyond this neither a drawing nor a column of whole numbers can hold it.
LARGEST = 1e15


class UntestedError(ValueError):
    """A run is whole, and has no accuracy on the split that is asked for."""


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < LARGEST


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST


NUMBER = (is_number, "a number")
COUNT = (is_count, "a whole number from 0")
WHOLE = (lambda value: type(value) is int and -1 <= value < LARGEST, "a whole number from -1")
PERCENT = (lambda value: is_number(value) and 0 <= value <= 100, "a percentage")
SHARE = (lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
TEXT = (lambda value: isinstance(value, str), "a text")
NAME = (lambda value: isinstance(value, str) and value.strip() != "", "a name")
CLASS = (lambda value: value in list(CLASSES), f"one of {', '.join(CLASSES)}")
ANYTHING = (lambda value: True, "anything")
MAYBE_PERCENT = (lambda value: value is None or PERCENT[0](value), "a percentage or null")

RESULTS = {
    "version?": (lambda value: value == VERSION, f"{VERSION}, which this program knows"),
    "method": NAME,
    "dataset": NAME,
    "classes": CLASS,
    "shots": WHOLE,
    "seed": WHOLE,
    "backbone?": TEXT,
    "epoch?": COUNT,
    "trained_on?": {"dataset?": NAME, "classes?": CLASS, "shots?": WHOLE, "seed?": WHOLE},
    "metrics": {
        "test": {
            "accuracy": PERCENT,
            "macro_f1?": PERCENT,
            "top5_accuracy?": PERCENT,
            "ece?": PERCENT,
        }
    },
    "details?": {
        "test?": {
            "per_class_accuracy": [MAYBE_PERCENT],
            "per_class_count": [COUNT],
            "confusion": [[COUNT]],
            "reliability": [
                {
                    "low": SHARE,
                    "high": SHARE,
                    "count": COUNT,
                    "confidence?": SHARE,
                    "accuracy?": SHARE,
                }
            ],
        }
    },
    "history?": [{"epoch": COUNT, "loss?": NUMBER, "acc?": PERCENT}],
    "seconds?": {"*?": NUMBER},
    "images?": {"*?": COUNT},
    "versions?": {"*?": TEXT},
    "peak_mb?": NUMBER,
    "learnt_parameters?": COUNT,
    "class_names?": [TEXT],
    "device?": TEXT,
    "data?": {
        "split_sha256?": TEXT,
        "unlike_published?": TEXT,
        "fewer_images?": TEXT,
        "train?": [TEXT],
        "val?": [TEXT],
    },
    "config?": {"*?": ANYTHING, "TRAINER?": {"*?": ANYTHING}},
}


def read_results(path: Path, split: str = "test") -> dict[str, Any]:
    """A results.json as it must be, its texts made harmless.

    Args:
        split: "test", or "val": what was measured on validation images then stands for the test.

    Raises:
        ValueError: it is no JSON, or not the record of a tested run; the message says where.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no complete JSON ({error})") from None
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if isinstance(content, dict) and isinstance(content.get("metrics"), dict):
        _require_split(content["metrics"], split)
        if split == "val":
            content = content | {part: _val_as_test(content.get(part)) for part in OF_SPLITS}
    check(content, RESULTS)
    check_details(content)
    return cleaned(content)


def _require_split(metrics: Mapping[str, Any], split: str) -> None:
    """Raises UntestedError for a run without an accuracy on a split, or not of what it tested;
    ValueError for one that has none at all."""
    found = metrics.get(split) or {}
    if split == "val" and found and metrics.get("test"):
        raise UntestedError(
            "its accuracy on the val set is of its last epoch, and not of the model that it tested"
        )
    if isinstance(found, dict) and "accuracy" not in found:
        other = ", but on the val set (--split val)" if metrics.get("val") else ""
        tested = metrics.get("val") or (split == "val" and metrics.get("test"))
        kind = UntestedError if tested else ValueError
        raise kind(f"it has no accuracy on the {split} set{other}")


def _val_as_test(part: Any) -> Any:
    return {"test": part["val"]} if isinstance(part, dict) and "val" in part else None


def check(value: Any, kind: Kind, where: str = "") -> None:
    """Raises ValueError, naming the place, unless a value is of a kind."""
    if isinstance(kind, tuple):
        if not kind[0](value):
            raise ValueError(f"its {where} is {_short(value)}, not {kind[1]}")
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise ValueError(f"its {where} is {_short(value)}, not a list")
        if isinstance(kind[0], tuple) and all(map(kind[0][0], value)):
            return  # quick: a confusion matrix has many thousands of numbers
        for index, item in enumerate(value):
            check(item, kind[0], f"{where}[{index}]")
    else:
        _check_mapping(value, kind, where)


def _check_mapping(value: Any, kinds: Mapping[str, Any], where: str) -> None:
    if not isinstance(value, dict):
        subject = f"its {where}" if where else "it"
        raise ValueError(f"{subject} is {_short(value)}, not a mapping")
    prefix = f"{where}." if where else ""
    for key, kind in kinds.items():
        name = key.rstrip("?")
        chosen = list(value) if name == "*" else [name]
        for each in chosen:
            optional, given = key.endswith("?"), value.get(each)
            if optional and given == {} and isinstance(kind, Mapping):
                continue
            if given is not None:
                check(given, kind, f"{prefix}{each}")
            elif not optional:
                raise ValueError(f"it lacks {prefix}{each}")


def check_details(content: Mapping[str, Any]) -> None:
    """Raises ValueError unless details are of as many classes as there are names."""
    details = (content.get("details") or {}).get("test")
    if not details:
        return
    size = len(content.get("class_names") or [])
    for key in ("per_class_accuracy", "per_class_count"):
        if len(details[key]) != size:
            count = len(details[key])
            raise ValueError(f"its details.test.{key} has {count} entries for {size} class_names")
    for cell in details["confusion"]:
        if len(cell) != 3 or max(cell[:2]) >= size:
            raise ValueError(f"its details.test.confusion holds {_short(cell)}")
    for cell in details["reliability"]:
        if cell["count"] and None in (cell.get("confidence"), cell.get("accuracy")):
            raise ValueError(f"its details.test.reliability holds {_short(cell)}")


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}, which is no JSON")


def _short(value: Any) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 40 else f"{text[:37]}..."
