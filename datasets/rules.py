"""The two rules by which the published splits were made, for datasets whose split is missing.

They start from sorted listings and a fixed seed, so that the split is the same everywhere. It is
not the published one, which began with the order of somebody's file system.
"""

import random
from pathlib import Path
from typing import Any

from rpo.files import read_text

from .base import FewShotDataset
from .folders import class_folders, visible_files
from .split import Item, Split, hold_out, split_each_class


class ClassFolders(FewShotDataset):
    """A dataset whose images lie in one folder a class: 50 % train, 20 % val, 30 % test."""

    ignored: tuple[str, ...] = ()
    class_names: dict[str, str] = {}

    def make_split(self) -> Split:
        return split_each_class(self.items(), random.Random(0))

    def items(self) -> list[Item]:
        """Every image, labels in sorted order of the folders."""
        folders = [folder for folder in class_folders(self.images) if folder not in self.ignored]
        return [
            (f"{folder}/{image}", label, self.class_names.get(folder, folder))
            for label, folder in enumerate(folders)
            for image in visible_files(self.images / folder)
        ]


class OfficialLists(FewShotDataset):
    """A dataset with official lists for training and test: 20 % of each training class is val."""

    def make_split(self) -> Split:
        train, val = hold_out(self.listed("train"), random.Random(0))
        return {"train": train, "val": val, "test": self.listed("test")}

    def listed(self, part: str) -> list[Item]:
        """The items of the official list for `train` or `test`, in its order."""
        raise NotImplementedError

    def lines(self, name: str) -> list[str]:
        """The lines of a list below the dataset's folder that say something."""
        self.require(self.folder / name)
        lines = read_text(self.folder / name).splitlines()
        return [line.strip() for line in lines if line.strip()]


def read_matlab(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file.

    Raises:
        ValueError: it is none, or damaged.
    """
    from scipy.io import loadmat

    try:
        return loadmat(path, squeeze_me=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file can fail in any way
        raise ValueError(f"{path} cannot be read as a MATLAB file: {error}") from error
