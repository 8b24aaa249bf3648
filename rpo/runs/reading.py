"""The files of a run, read so that damage is named."""

import math
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rpo.files import parse_json


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises ValueError, with its name, if it is none."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is no JSON ({error})") from error


def read_object(path: Path) -> dict[str, Any]:
    """The same for a file that holds keys and values."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: it holds no keys and values")
    return content


def is_epoch(entry: Any) -> bool:
    """Whether a part of a history is one."""
    if not isinstance(entry, dict) or type(entry.get("epoch")) is not int:
        return False
    return are_numbers(value for value in entry.values() if value is not None)


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all are finite numbers."""
    return all(isinstance(each, (int, float)) and math.isfinite(each) for each in values)


def is_whole(file: Path | None) -> bool:
    """Whether a checkpoint, or predictions, end as PyTorch and NumPy end them: what was cut off, as
    by a copy, does not."""
    return file is not None and zipfile.is_zipfile(file)


def now() -> str:
    """The time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S")
