"""Files that appear whole or not at all, and text that is UTF-8 or refused by name."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What ends the name of a file whose writing was interrupted: the process's number, then this.
UNFINISHED = ".[0-9]*.part"


def write_json(path: Path, content: Any) -> None:
    """Writes readable JSON in one step: a reader sees the old file or the new one.

    Raises:
        ValueError: there is a number in it that is none, which JSON cannot hold.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes beside the target, then renames, which replaces the target in one step."""
    with write_with(path) as unfinished, unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def write_with(path: Path) -> Iterator[Path]:
    """A file beside the target to write to; it takes the target's place if nothing is raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno and not error.filename:  # a full disk names no file
            error.filename = str(path)
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """A file in UTF-8, with or without the mark that Windows puts at its beginning.

    Raises:
        ValueError: it is in another encoding; file and line are named.
    """
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: it is not UTF-8; save it in that encoding"
        ) from None


def parse_json(text: str) -> Any:
    """The content of a JSON text. Raises ValueError, also for one that is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def cache_folder() -> Path:
    """Where this project keeps what can be made again: `RPO_CACHE`, else the user's cache."""
    if os.environ.get("RPO_CACHE"):
        return Path(os.environ["RPO_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rpo"
