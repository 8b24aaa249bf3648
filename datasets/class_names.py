"""Class names from a file, instead of those of the folders."""

import json
from pathlib import Path

from .split import Split


def rename_classes(split: Split, path: Path) -> Split:
    """Replaces the class names of a split.

    Args:
        path: one name a line, in the order of the labels; or JSON: a list of the same, or a dict
            from the old names to new ones.

    Raises:
        FileNotFoundError, ValueError: no such file, or it does not fit the classes.
    """
    if not path.is_file():
        raise FileNotFoundError(f"DATASET.CLASS_NAMES: there is no file {path}")
    old = dict(sorted({(label, name) for items in split.values() for _, label, name in items}))
    new = _read(path, list(old.values()))
    if len(new) != len(old):
        raise ValueError(f"{path} has {len(new):,} class names for {len(old):,} classes")
    doubled = sorted({name for name in new if new.count(name) > 1})
    if doubled:
        raise ValueError(f"{path} has the class name {doubled[0]!r} more than once")
    names = dict(zip(old, new, strict=True))
    return {
        part: [(image, label, names[label]) for image, label, _ in items]
        for part, items in split.items()
    }


def _read(path: Path, old: list[str]) -> list[str]:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix != ".json":
        return [line.strip() for line in text.splitlines() if line.strip()]
    names = json.loads(text)
    if not isinstance(names, dict):
        return [str(name) for name in names]
    missing = [name for name in old if name not in names]
    if missing:
        raise ValueError(f"{path} has no name for the class {missing[0]!r}")
    return [str(names[name]) for name in old]
