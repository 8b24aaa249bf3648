"""Splits, and base / new classes, as CoOp defined them.

An item is [path below the image folder, label, class name], a split maps "train", "val" and
"test" to lists of items: the format of the published `split_zhou_*.json` files.
"""

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from rpo.files import parse_json, read_text

Item = tuple[str, int, str]
Split = dict[str, list[Item]]

PARTS = ("train", "val", "test")


def read_split(path: Path) -> Split:
    """Reads a published split file.

    Raises:
        ValueError: the file is no such JSON, or an entry is none, or leads out of the image
            folder; file and entry are named.
    """
    text = read_text(path)
    try:
        parts = parse_json(text)
        if not isinstance(parts, dict):
            raise ValueError(f"it holds {type(parts).__name__}")
        return {part: [_item(entry, part) for entry in parts[part]] for part in PARTS}
    except (KeyError, TypeError, ValueError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            f"{path} is not a split, which has lists of [path, label, class name] "
            f'under "train", "val" and "test": {reason}'
        ) from error


def _item(entry: Any, part: str) -> Item:
    if not isinstance(entry, list) or list(map(type, entry)) != [str, int, str] or entry[1] < 0:
        raise ValueError(f"the {part} entry {entry!r} is no such list")
    image, label, name = entry
    if leads_out(image):
        raise ValueError(f"the {part} entry {image!r} is no path below the image folder, with /")
    return image, label, name


def leads_out(name: str) -> bool:
    """Whether a path, meant to be below some folder, is absolute, climbs out or is of Windows."""
    path = PurePosixPath(name)
    return (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or bool(PureWindowsPath(name).drive)
    )


def digest(split: Split) -> str:
    """SHA-256 of a split's content: two files with the same items have the same digest."""
    canonical = json.dumps([split[part] for part in PARTS], separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def digest_of_names(names: Sequence[str]) -> str:
    """SHA-256 of class names in the order of their labels."""
    return hashlib.sha256(json.dumps([*names], separators=(",", ":")).encode()).hexdigest()


def group_by_label(items: Iterable[Item]) -> dict[int, list[Item]]:
    """Items by label, labels in order of first appearance."""
    groups: dict[int, list[Item]] = {}
    for item in items:
        groups.setdefault(item[1], []).append(item)
    return groups


def class_names(*parts: Iterable[Item]) -> dict[int, str]:
    """Label to class name, in the order of the labels."""
    return dict(sorted((label, name) for items in parts for _, label, name in items))


# SUBSAMPLE_CLASSES: which of the sorted labels take part. Base is the first half, rounded up.
SELECTIONS: dict[str, Callable[[list[int]], list[int]]] = {
    "all": lambda labels: labels,
    "base": lambda labels: labels[: math.ceil(len(labels) / 2)],
    "new": lambda labels: labels[math.ceil(len(labels) / 2) :],
}


def select_classes(split: Split, which: str) -> Split:
    """Keeps "all", "base" or "new" classes and numbers them from 0.

    Raises:
        ValueError: `which` is none of these.
    """
    if which not in SELECTIONS:
        raise ValueError(
            f'DATASET.SUBSAMPLE_CLASSES is "{which}"; it can be {", ".join(SELECTIONS)}'
        )
    kept = SELECTIONS[which](sorted({label for _, label, _ in split["train"]}))
    renumbered = {label: number for number, label in enumerate(kept)}
    return {
        part: [
            (image, renumbered[label], name) for image, label, name in items if label in renumbered
        ]
        for part, items in split.items()
    }


def split_each_class(
    items: Iterable[Item], source: random.Random, train: float = 0.5, val: float = 0.2
) -> Split:
    """CoOp's rule where no split is published: every class shuffled, then 50 / 20 / 30 %."""
    split: Split = {part: [] for part in PARTS}
    for own in group_by_label(items).values():
        shuffled = source.sample(own, len(own))
        end_of_train = round(len(own) * train)
        end_of_val = end_of_train + round(len(own) * val)
        split["train"] += shuffled[:end_of_train]
        split["val"] += shuffled[end_of_train:end_of_val]
        split["test"] += shuffled[end_of_val:]
    return split


def hold_out(
    items: Iterable[Item], source: random.Random, share: float = 0.2
) -> tuple[list[Item], list[Item]]:
    """CoOp's rule where training and test lists are official: a fifth of each class is val.

    Returns:
        Items for training, items for validation.
    """
    train: list[Item] = []
    val: list[Item] = []
    for own in group_by_label(items).values():
        shuffled = source.sample(own, len(own))
        count = round(len(own) * share)
        val += shuffled[:count]
        train += shuffled[count:]
    return train, val
