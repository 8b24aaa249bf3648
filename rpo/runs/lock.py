"""One writer a folder, on this host or another."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from rpo.files import write_json

from .folder import RunFolder
from .names import HOLDER, LOCK
from .overwriting import clear_unfinished, settle
from .reading import now, read_object


class RunInUseError(ValueError):
    """Somebody else is writing the folder."""


@contextmanager
def locked(folder: RunFolder, wait: bool = False) -> Iterator[None]:
    """Holds the folder for one writer.

    An flock, which the system releases when its process dies, also on another host: Linux
    passes it on to the server of an NFS folder. (filelock's SoftFileLock, a mere file, would
    stay behind there; it is what filelock falls back to where there is no flock.)

    Raises:
        RunInUseError: somebody else holds it, and `wait` is false.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    note = folder.path / HOLDER
    try:
        # A mode for groups that share a folder; a moment's patience with whoever just looks.
        flock = FileLock(folder.path / LOCK, mode=0o666)
        with flock.acquire(timeout=-1 if wait else 0.2):
            mine = {"host": socket.gethostname(), "pid": os.getpid(), "since": now()}
            write_json(note, mine)
            try:
                clear_unfinished(folder)
                settle(folder)
                yield
            finally:
                note.unlink(missing_ok=True)
    except Timeout:
        raise RunInUseError(f"{folder.path} is being written by {holder(folder)}") from None


def is_held(folder: RunFolder) -> bool:
    """Whether somebody writes the folder now, on this host or another."""
    if not (folder.path / HOLDER).is_file():
        return False
    try:
        with FileLock(folder.path / LOCK, mode=0o666).acquire(timeout=0):
            return False  # the holder died without a word
    except (Timeout, PermissionError):  # or it is another user, whom we believe
        return True


def holder(folder: RunFolder) -> str:
    """Who writes the folder, for a message."""
    try:
        who = read_object(folder.path / HOLDER)
        return f"process {who['pid']} on {who['host']} since {who['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"
