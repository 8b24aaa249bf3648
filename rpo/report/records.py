"""Finished runs below some folders, each once."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rpo.report import logs
from rpo.report.record import Record, from_json, from_log
from rpo.runs import RESULTS as FILE_NAME


def read_records(folders: Iterable[str | Path]) -> list[Record]:
    """Every run in or below the folders, once; what cannot be read is named on stderr.

    A folder without results.json is read from its newest log, which has one decimal.

    Raises:
        FileNotFoundError: a folder does not exist, or holds neither results.json nor log.txt, or
            none of them could be read.
    """
    records: dict[tuple[Any, ...], Record] = {}
    searched = [Path(folder) for folder in folders]
    for path in (source for folder in searched for source in _sources(folder)):
        _keep(records, path)
    if not records:
        raise FileNotFoundError(f"no finished run is in or below {', '.join(map(str, searched))}")
    return list(records.values())


def _sources(folder: Path) -> Iterator[Path]:
    """The file that each run below a folder is read from, in the order of their names."""
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    found = False
    for name, folders, files in os.walk(folder.parent if folder.is_file() else folder):
        folders.sort()
        if FILE_NAME in files or logs.FILE_NAME in files:
            found = True
            yield Path(name, FILE_NAME if FILE_NAME in files else logs.FILE_NAME)
    if not found:
        raise FileNotFoundError(
            f"there is no {FILE_NAME} and no {logs.FILE_NAME} in or below {folder}"
        )


def _keep(records: dict[tuple[Any, ...], Record], path: Path) -> None:
    try:
        record = from_json(path) if path.name == FILE_NAME else from_log(_newest(path))
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        _say(f"{path} is skipped: {_reason(error)}")
        return
    key = (*record[:6], record.trained_on)
    records[key] = _better(records[key], record) if key in records else record


def _newest(log: Path) -> Path:
    newest = logs.newest_log(log.parent) or log
    if newest != log:
        _say(f"{log} had a rerun, which counts: {newest.name}")
    return newest


def _better(known: Record, other: Record) -> Record:
    """Of two files of the same run the first, if none is of higher worth.

    They may differ by rounding: half of the last digit.
    """
    chosen = max(known, other, key=_worth)
    tolerance = 0.05 if known.decimals or other.decimals else 0.005
    if abs(known.accuracy - other.accuracy) > tolerance + 1e-9:
        _say(
            f"the same run twice, with different accuracies: {known.accuracy:g} in {known.path}, "
            f"{other.accuracy:g} in {other.path}. {chosen.path} counts; report them apart to see "
            "both"
        )
    return chosen


def _worth(record: Record) -> tuple[bool, bool]:
    """Full precision first; then the run that trained, which also knows how long that took."""
    return record.decimals is None, "train" in (record.content.get("seconds") or {})


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no complete JSON ({error})"
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}"
    return str(error)


def _say(message: str) -> None:
    print(f"note: {message}", file=sys.stderr)
