"""A CSV of path,label, and optionally the part (train, val or test) that an image belongs to."""

import csv
from pathlib import Path

from .split import PARTS, Split

PATHS = ("path", "image", "file", "filename", "filepath", "impath")
LABELS = ("label", "class", "classname", "class_name", "target", "category")
SPLITS = ("split", "part", "subset", "set")


def read_table(path: Path) -> Split:
    """Labels are words or numbers; they are sorted, numbers as numbers. No parts: all is train.

    Raises:
        ValueError: no such columns, or a row that lacks something; the line is named.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if row]
    columns, body = _columns(rows)
    entries = [_entry(path, number, row, columns) for number, row in body]
    labels = {name: label for label, name in enumerate(_sorted({name for _, name, _ in entries}))}
    if not labels:
        raise ValueError(f"{path} lists no image; it needs rows of path,label")
    split: Split = {part: [] for part in PARTS}
    for image, name, part in entries:
        split[part].append((image, labels[name], name))
    return split


def _columns(rows: list[tuple[int, list[str]]]) -> tuple[list[int], list[tuple[int, list[str]]]]:
    """Where path, label and part stand (-1: nowhere), and the rows below a header, if any."""
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    found = [
        next((index for index, cell in enumerate(header) if cell in names), -1)
        for names in (PATHS, LABELS, SPLITS)
    ]
    if -1 in found[:2]:
        return [0, 1, 2 if len(header) > 2 else -1], rows
    return found, rows[1:]


def _entry(path: Path, number: int, row: list[str], columns: list[int]) -> tuple[str, str, str]:
    try:
        image, name, part = (row[index].strip() if index >= 0 else "train" for index in columns)
    except IndexError:
        raise ValueError(f"{path}, line {number}: {','.join(row)!r} is not path,label") from None
    part = {"valid": "val", "validation": "val"}.get(part.lower(), part.lower())
    if not image or not name or part not in PARTS:
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
