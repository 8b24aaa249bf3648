"""Your own images: a folder of class folders, or a CSV of path and label. Nothing to write.

DATASET.FOLDER (or DATASET.ROOT, where that is empty) holds one folder a class; or `train` and
`test` (and `val`) with class folders each; without them the images are split 50 / 20 / 30, always
the same way, or all train with DATASET.HOLD_OUT False. DATASET.CSV lists images instead.
DATASET.CLASS_NAMES names the classes.
"""

import os
import random
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY

from rpo.files import cache_folder
from rpo.inference.images import image_files
from rpo.registration import register

from .base import FewShotDataset
from .folders import class_folders
from .imagefolder_files import read_table, refuse_alike, rename_classes
from .imagefolder_layout import (
    part_folders,
    refuse_other_layouts,
    warn_of_deeper_folders,
    warn_of_folders_left_aside,
)
from .split import PARTS, Item, Split, class_names, split_each_class

NO_CLASSES = (
    "{} holds no folders of images: there should be one for each class, called as the class is, or "
    "train and test folders of such. A CSV of path,label does as well"
)


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
    def of(cls, source: Path) -> "ImageFolder":
        """The images of a folder or CSV, with nothing read yet."""
        folder, table = ("", str(source)) if source.suffix == ".csv" else (str(source), "")
        dataset = cls.__new__(cls)
        dataset.cfg = SimpleNamespace(FOLDER=folder, CSV=table, CLASS_NAMES="", HOLD_OUT=True)
        dataset.locate(source.parent)
        return dataset

    @classmethod
    def configured(cls, cfg: Any) -> "ImageFolder":
        dataset = cls.__new__(cls)
        dataset.cfg = cfg.DATASET
        dataset.locate(Path(cfg.DATASET.ROOT))
        return dataset

    @classmethod
    def check_files(cls, cfg: Any) -> None:
        """Raises ValueError, too, for folders that are no classes, or a CSV that is none.

        No image is looked for.
        """
        dataset = cls.configured(cfg)
        dataset.require(dataset.source())
        dataset.check_classes()

    def locate(self, root: Path) -> None:
        """DATASET.FOLDER; a CSV's paths are below it, or beside the CSV."""
        self.root = root.expanduser().absolute()
        beside = Path(self.cfg.CSV).parent if self.cfg.CSV else self.root
        self.folder = self.images = Path(self.cfg.FOLDER or beside).expanduser().absolute()

    def source(self) -> Path:
        """What the user gave: the CSV, or the folder."""
        return Path(self.cfg.CSV).expanduser().absolute() if self.cfg.CSV else self.folder

    @classmethod
    def unread(cls, key: str) -> str:
        return ""

    def checked_by(self) -> str:
        return f"rpo data check {shlex.quote(str(self.source()))}"

    def layout_note(self) -> str:
        """None: a folder of yours has no layout that CoOp would have."""
        return ""

    def require(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(f"there is no {path}. {self.how_to_get}")

    def load_split(self) -> Split:
        """Raises ValueError if classes differ between parts, or cannot be learnt."""
        split = self._from_table() if self.cfg.CSV else self._from_folders()
        names_file = Path(self.cfg.CLASS_NAMES).expanduser()
        if self.cfg.CLASS_NAMES:
            split = rename_classes(split, names_file)
        refuse_alike(split, names_file if self.cfg.CLASS_NAMES else self.source())
        names, tested = class_names(split["train"]), class_names(split["test"])
        if never := [name for label, name in names.items() if label not in tested]:
            print(f"WARNING: {self.source()}: no test image of {', '.join(map(repr, never[:5]))}")
        return split

    def sample_folders(self) -> tuple[Path, ...]:
        """Only the cache: nothing is written into a folder of yours."""
        return (cache_folder() / "imagefolder",)

    def check_classes(self) -> None:
        """Raises ValueError if the CSV cannot be read, or the parts' folders are other classes."""
        if self.cfg.CSV:
            read_table(self.source())
            return
        parts = part_folders(self.folder)
        classes = self.classes_below(parts.pop("train", ""), None)
        for name in parts.values():
            self.classes_below(name, classes)

    def _from_table(self) -> Split:
        self.require(self.source())
        split = read_table(self.source())
        if split["test"]:
            return split
        if split["val"]:
            return self._val_as_test(split)
        return self.without_test(split["train"])

    def _from_folders(self) -> Split:
        parts = part_folders(self.folder)
        if not parts:
            return self.without_test(self.class_items("", None))
        warn_of_folders_left_aside(self.folder, parts.values())
        items = self.class_items(parts["train"], None)
        if len(parts) == 1:
            return self.without_test(items)
        names = class_folders(self.folder / parts["train"])
        others = {
            part: self.class_items(parts[part], names) if part in parts else []
            for part in PARTS[1:]
        }
        split = {"train": items, **others}
        return split if split["test"] else self._val_as_test(split)

    def _val_as_test(self, split: Split) -> Split:
        print(f"{self.source()} has no test images: those of val are the test set")
        return {"train": split["train"], "val": [], "test": split["val"]}

    def without_test(self, items: list[Item]) -> Split:
        """A split of images that have no test part.

        Raises:
            ValueError: a class has one image, which cannot be learnt and tested.
        """
        if not self.cfg.HOLD_OUT:
            return {"train": items, "val": [], "test": items}
        split = split_each_class(items, random.Random(0))
        names, learnt = class_names(items), class_names(split["train"])
        if single := [name for label, name in names.items() if label not in learnt]:
            raise ValueError(
                f"{self.source()} has a single image of {', '.join(map(repr, single[:5]))}, which "
                "cannot be both learnt and tested. Add images, or give train and test folders; "
                "`rpo fit` learns from all images and tests none of them"
            )
        return split

    def class_items(self, below: str, classes: list[str] | None) -> list[Item]:
        """Every image below a folder of class folders, those of subfolders too.

        Args: see `classes_below`.
        """
        parent, items = self.folder / below, []
        names = self.classes_below(below, classes)
        warn_of_deeper_folders(parent, names)
        for label, name in enumerate(names):
            images = image_files(parent / name)
            if not images:
                raise ValueError(f"{parent / name} holds no image that can be read")
            # As it is on disk, whatever encoding the locale has.
            text = os.fsencode(name).decode(errors="replace")
            items += [(str(path.relative_to(self.folder)), label, text) for path in images]
        return items

    def classes_below(self, below: str, classes: list[str] | None) -> list[str]:
        """Names of the class folders in a folder, in the order of their labels.

        Args:
            classes: names that they must have; None takes what is there.
        """
        parent = self.folder / below
        names = class_folders(parent) if classes is None else classes
        strange = set(names) ^ set(class_folders(parent))
        if not names:
            raise ValueError(NO_CLASSES.format(parent))
        if strange:
            raise ValueError(
                f"{parent} should hold one folder a class, the same as for training: "
                f"{', '.join(sorted(strange)[:5])}. {self.how_to_get}"
            )
        refuse_other_layouts(parent, names)
        return names
