"""Files that describe one's own images: a CSV of path,label, and a list of class names."""

import csv
import io
import os
from pathlib import Path

from rpo.clip.texts import read_alike
from rpo.files import parse_json, read_text
from rpo.inference.images import is_image

from .imagefolder_layout import part_of
from .split import PARTS, Split, class_names

PATHS = ("path", "image", "file", "filename", "filepath", "impath")
LABELS = ("label", "class", "classname", "class_name", "target", "category")
SPLITS = ("split", "part", "subset", "set")

Row = tuple[int, list[str]]  # the number of a line, and its cells
Entry = tuple[str, str, str]  # image, class name, part


def read_table(path: Path) -> Split:
    """A CSV of path,label, and optionally the part (train, val or test) an image belongs to.

    Labels are words or numbers; they are sorted, numbers as numbers. No parts: all is train.

    Raises:
        ValueError: no such columns, a row that lacks something, or an image that stands there
            twice with different labels or parts; the line is named.
    """
    try:
        table = csv.reader(io.StringIO(read_text(path), newline=""))
        rows = [(number, row) for number, row in enumerate(table, start=1) if row]
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV: {error}") from error
    columns, body = _columns(path, rows)
    entries: dict[str, Entry] = {}
    for number, row in body:
        entry = _entry(path, number, row, columns)
        first = entries.setdefault(os.path.normpath(entry[0]), entry)
        if first[1:] != entry[1:]:
            raise ValueError(
                f"{path}, line {number}: {entry[0]} is listed before, with another label or part"
            )
    if not entries:
        raise ValueError(f"{path} lists no image; it needs rows of path,label")
    names = _sorted({name for _, name, _ in entries.values()})
    labels = {name: label for label, name in enumerate(names)}
    split: Split = {part: [] for part in PARTS}
    for image, name, part in entries.values():
        split[part].append((image, labels[name], name))
    return split


def _columns(path: Path, rows: list[Row]) -> tuple[list[int], list[Row]]:
    """Where path, label and part stand (-1: nowhere), and the rows below a header, if any."""
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    found = [
        next((index for index, cell in enumerate(header) if cell in names), -1)
        for names in (PATHS, LABELS, SPLITS)
    ]
    if -1 in found[:2]:
        _refuse_header(path, rows)
        return [0, 1, 2 if len(header) > 2 else -1], rows
    return found, rows[1:]


def _refuse_header(path: Path, rows: list[Row]) -> None:
    """Raises ValueError for a first row that names no image, where the second does."""
    first, second = ([row[0] for _, row in rows[:2]] + [""])[:2]
    if is_image(Path(second)) and not is_image(Path(first)):
        header = ",".join(rows[0][1])
        raise ValueError(
            f"{path}, line {rows[0][0]} is {header}: as a header it names the columns of images "
            f"({', '.join(PATHS)}) and classes ({', '.join(LABELS)})"
        )


def _entry(path: Path, number: int, row: list[str], columns: list[int]) -> Entry:
    try:
        image, name, part = (row[index].strip() if index >= 0 else "train" for index in columns)
    except IndexError:
        other = next((mark for mark in ";\t|" if mark in row[0]), "")
        hint = f": cells are divided by commas, and not by {other!r}" if other else ""
        raise ValueError(f"{path}, line {number}: {row[0]!r} is not path,label{hint}") from None
    part = part_of(part)
    if not image or not name or not part:
        raise ValueError(
            f"{path}, line {number}: {','.join(row)!r} should be path,label"
            " and, if there is a third column, train, val or test"
        )
    return image, name, part


def _sorted(names: set[str]) -> list[str]:
    try:
        return sorted(names, key=int)
    except ValueError:
        return sorted(names)


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
    old = class_names(*split.values())
    new = _read_names(path, list(old.values()))
    if len(new) != len(old):
        raise ValueError(f"{path} has {len(new):,} class names for {len(old):,} classes")
    names = dict(zip(old, new, strict=True))
    return {
        part: [(image, label, names[label]) for image, label, _ in items]
        for part, items in split.items()
    }


def _read_names(path: Path, old: list[str]) -> list[str]:
    text = read_text(path)
    if path.suffix != ".json":
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        names = parse_json(text)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if isinstance(names, dict):
        missing = [name for name in old if name not in names]
        if missing:
            raise ValueError(f"{path} has no name for the class {missing[0]!r}")
        names = [names[name] for name in old]
    if not isinstance(names, list):
        raise ValueError(f"{path} holds neither a list of class names nor a dict to them")
    if wrong := [name for name in names if not isinstance(name, str) or not name.strip()]:
        raise ValueError(f"{path}: {wrong[0]!r} is no class name; it should be text")
    return [name.strip() for name in names]


def refuse_alike(split: Split, source: Path) -> None:
    """Raises ValueError for class names, from `source`, that CLIP reads alike."""
    if alike := read_alike(class_names(*split.values()).values()):
        name, other = alike
        same = "more than once" if other == name else f"and {other!r}, which CLIP reads alike"
        raise ValueError(f"{source} has the class name {name!r} {same}")
