"""A new run in the folder of an old one: killed at any moment, one of them remains, whole."""

import os
import shutil

from rpo.files import UNFINISHED

from .folder import RunFolder
from .names import LEFT_BY_VERSION_0_1, MOVING, PREVIOUS


def clear(folder: RunFolder) -> None:
    """Removes what a run wrote, and nothing else; a model's folder goes if it is then empty."""
    models = folder.models()
    for path in list(folder.written()):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for model in models:
        if not any(model.iterdir()):
            model.rmdir()


def clear_unfinished(folder: RunFolder) -> None:
    """Removes files whose writing was interrupted. Only for whoever holds the lock."""
    names = (f"*{UNFINISHED}", f"*/*{UNFINISHED}", *LEFT_BY_VERSION_0_1)
    for path in [path for name in names for path in folder.path.glob(name)]:
        path.unlink()


def set_aside(folder: RunFolder) -> None:
    """Moves the run to `.previous`, for a new one that may yet fail to start."""
    for path in list(folder.written()):
        target = folder.path / MOVING / path.relative_to(folder.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, target)
    if (folder.path / MOVING).is_dir():
        os.rename(folder.path / MOVING, folder.path / PREVIOUS)


def settle(folder: RunFolder, ended: bool = False) -> None:
    """Ends an overwriting, finished or interrupted at any moment: one run remains.

    The new one, once it has learnt something, or has ended well without anything to learn;
    until then the one that was set aside.
    """
    previous, moving = folder.path / PREVIOUS, folder.path / MOVING
    if previous.is_dir() and (ended or folder.models()):
        shutil.rmtree(previous)
    elif previous.is_dir():
        clear(folder)
        os.rename(previous, moving)
    if moving.is_dir():
        for path in [path for path in moving.rglob("*") if not path.is_dir()]:
            target = folder.path / path.relative_to(moving)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        shutil.rmtree(moving)
