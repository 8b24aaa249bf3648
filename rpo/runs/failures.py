"""failure.json: why a run failed the last time, and how often in a row."""

import socket
from contextlib import suppress
from typing import Any

from rpo.files import write_json

from .folder import RunFolder
from .names import FAILURE, HISTORY
from .reading import now, read_object

NOTED = {"error", "count", "host", "since"}


def failure_of(folder: RunFolder) -> dict[str, Any]:
    """`error`, `count`, `host` and `since` of its failures; empty where it has none, has saved an
    epoch after them, or the file is damaged: nothing depends on it."""
    path, history = folder.path / FAILURE, folder.path / HISTORY
    if not path.is_file():
        return {}
    if history.is_file() and history.stat().st_mtime > path.stat().st_mtime:
        return {}
    try:
        found = read_object(path)
    except ValueError:
        return {}
    return found if isinstance(found.get("count"), int) and set(found) >= NOTED else {}


def why_failed(folder: RunFolder) -> str:
    """Its failure in one line: the first, or the last of a traceback; empty where none is."""
    error = str(failure_of(folder).get("error", ""))
    lines = [line.strip() for line in error.splitlines() if line.strip()] or [""]
    return lines[-1] if lines[0].startswith('File "') else lines[0]


def note_failure(folder: RunFolder, error: str) -> None:
    """Writes failure.json, if there is room for it. Interruptions are no failures."""
    with suppress(OSError):
        count = failure_of(folder).get("count", 0) + 1
        where = {"host": socket.gethostname(), "since": now()}
        write_json(folder.path / FAILURE, {"error": error, "count": count, **where})


def forget_failure(folder: RunFolder) -> None:
    """The run has ended well after all."""
    (folder.path / FAILURE).unlink(missing_ok=True)
