"""Replacing a folder's entries so that, killed at any moment, the old or the new is there.

What is staged and checked gets the name `.ready-NAME`; from then on the next call finishes the
swap. What it replaces waits in `.replaced-NAME` until everything new is in place.
"""

import os
import shutil
from pathlib import Path


class Places:
    """A dataset's folder, and the folders beside it that a replacement goes through."""

    def __init__(self, target: Path, name: str) -> None:
        self.target = target.resolve()  # behind a link, renames would leave the file system
        self.staging = self.target.with_name(f".unfinished-{name}")
        self.ready = self.target.with_name(f".ready-{name}")
        self.replaced = self.target.with_name(f".replaced-{name}")


def recover(places: Places) -> None:
    """Finishes or clears what an interrupted call has left."""
    shutil.rmtree(places.staging, ignore_errors=True)
    if places.ready.exists():
        print(f"An earlier call was interrupted; its result is moved to {places.target}")
        swap(places)
    shutil.rmtree(places.replaced, ignore_errors=True)


def swap(places: Places) -> None:
    """Moves the entries of the ready folder into place. If one cannot be moved, nothing changes."""
    if not places.target.exists():
        os.rename(places.ready, places.target)
        return
    places.replaced.mkdir(exist_ok=True)
    placed: list[str] = []
    try:
        for entry in sorted(places.ready.iterdir()):
            old = places.target / entry.name
            if os.path.lexists(old):
                os.rename(old, places.replaced / entry.name)
            os.rename(entry, old)
            placed.append(entry.name)
    except OSError:
        _put_back(places, placed)
        raise
    places.ready.rmdir()
    shutil.rmtree(places.replaced)


def _put_back(places: Places, placed: list[str]) -> None:
    for name in {*placed, *(entry.name for entry in places.replaced.iterdir())}:
        if os.path.lexists(places.target / name):
            os.rename(places.target / name, places.ready / name)
    for entry in places.replaced.iterdir():
        os.rename(entry, places.target / entry.name)
    shutil.rmtree(places.ready)
    places.replaced.rmdir()
