"""Your own images: a folder of class folders, or a CSV of path and label. Nothing to write.

DATASET.FOLDER (or DATASET.ROOT, where that is empty) holds one folder a class; or `train` and
`test` (and `val`) with class folders each; without them the images are split 50 / 20 / 30, always
the same way. DATASET.CSV lists images instead. DATASET.CLASS_NAMES names the classes.
"""

import random
from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

from rpo.files import cache_folder
from rpo.registration import register

from .base import FewShotDataset
from .class_names import rename_classes
from .rules import class_folders
from .split import PARTS, Item, Split, split_each_class
from .table import read_table

TRAIN = ("train", "training")
PART_FOLDERS = {"val": ("val", "valid", "validation"), "test": ("test", "testing")}


@register(DATASET_REGISTRY)
class ImageFolder(FewShotDataset):
    dataset_dir = ""
    image_dir = ""
    split_file = ""
    how_to_get = (
        "Give DATASET.FOLDER a folder with one folder of images a class, or with train and test "
        "folders of such, or DATASET.CSV a file of path,label."
    )

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg.DATASET
        super().__init__(cfg)

    @classmethod
    def check_files(cls, cfg: Any) -> None:
        dataset = cls.__new__(cls)
        dataset.cfg = cfg.DATASET
        dataset.locate(Path(cfg.DATASET.ROOT))
        dataset.require(Path(cfg.DATASET.CSV).expanduser() if cfg.DATASET.CSV else dataset.images)

    def locate(self, root: Path) -> None:
        """DATASET.FOLDER; a CSV's paths are below it, or beside the CSV."""
        self.root = root.expanduser().absolute()
        beside = Path(self.cfg.CSV).parent if self.cfg.CSV else self.root
        self.folder = self.images = Path(self.cfg.FOLDER or beside).expanduser().absolute()

    def load_split(self) -> Split:
        """Raises ValueError if classes differ between parts, or have no image."""
        split = self._from_table() if self.cfg.CSV else self._from_folders()
        if self.cfg.CLASS_NAMES:
            split = rename_classes(split, Path(self.cfg.CLASS_NAMES).expanduser())
        return split

    def sample_folders(self) -> tuple[Path, ...]:
        """Only the cache: nothing is written into a folder of yours."""
        return (cache_folder() / "imagefolder",)

    def _from_table(self) -> Split:
        path = Path(self.cfg.CSV).expanduser().absolute()
        self.require(path)
        split = read_table(path)
        if split["test"]:
            return split
        return split_each_class(split["train"] + split["val"], random.Random(0))

    def _from_folders(self) -> Split:
        train = self._part_folder(TRAIN)
        if train is None:
            return split_each_class(self.class_items("", None), random.Random(0))
        folders = {part: self._part_folder(names) for part, names in PART_FOLDERS.items()}
        if folders["test"] is None and folders["val"]:
            print(f"{self.folder} has no folder test: {folders['val']} is the test set")
            folders = {"val": None, "test": folders["val"]}
        items = self.class_items(train, None)
        if folders["test"] is None:
            return split_each_class(items, random.Random(0))
        names = [name for _, name in sorted({(label, name) for _, label, name in items})]
        parts = {"train": train, **folders}
        return {"train": items} | {
            part: self.class_items(parts[part] or "", names) if parts[part] else []
            for part in PARTS[1:]
        }

    def _part_folder(self, names: tuple[str, ...]) -> str | None:
        present = {folder.lower(): folder for folder in class_folders(self.folder)}
        return next((present[name] for name in names if name in present), None)

    def class_items(self, below: str, classes: list[str] | None) -> list[Item]:
        """Every image below a folder of class folders, those of subfolders too.

        Args:
            classes: names that the folders must have, in the order of their labels; None takes
                what is there.
        """
        parent = self.folder / below
        names = class_folders(parent) if classes is None else classes
        strange = set(names) ^ set(class_folders(parent))
        if strange or not names:
            raise ValueError(
                f"{parent} should hold one folder a class, the same as for training"
                f"{': ' + ', '.join(sorted(strange)[:5]) if strange else ''}. {self.how_to_get}"
            )
        items = []
        for label, name in enumerate(names):
            images = image_files(parent / name)
            if not images:
                raise ValueError(f"{parent / name} holds no image that can be read")
            items += [(str(path.relative_to(self.folder)), label, name) for path in images]
        return items


def image_files(folder: Path) -> list[Path]:
    """Files below a folder that are called like images, sorted, without hidden ones."""
    extensions = Image.registered_extensions()
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in extensions
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
