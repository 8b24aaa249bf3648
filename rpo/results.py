"""results.json of every run."""

from pathlib import Path
from typing import Any

from rpo.files import write_json

FILE_NAME = "results.json"


def write_results(folder: str | Path, record: dict[str, Any]) -> Path:
    """Writes a run's record to results.json in its folder, whole or not at all."""
    path = Path(folder) / FILE_NAME
    write_json(path, record)
    return path
