"""ImageNet and its test sets: class folders called by WordNet ids, and classnames.txt."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from rpo.files import read_text

from .base import FewShotDataset
from .folders import class_folders, visible_files
from .split import Item, Split
from .tools.facts import Facts, from_drive

CLASS_NAMES = from_drive("classnames.txt", "1-61f_ol79pViBFDG_IDlUQSwoLcn2XXF")
# Of ImageNet's 1,000 classes in that file.
NAMES_DIGEST = "18d80bfa7d61c05556ae712645b46dc751564023794e6f5e63565db5f4637079"
MANY = 5


class WordnetFolders(FewShotDataset):
    """A dataset of class folders called n01440764, ...; their names stand in classnames.txt."""

    is_long = True

    split_file = "classnames.txt"
    facts: Facts

    def split_path(self) -> Path:
        """classnames.txt beside the images or, as it is the same, ImageNet's own."""
        path = super().split_path()
        shared = self.root / "imagenet" / self.split_file
        return path if path.is_file() or not shared.is_file() else shared

    def class_names(self, folders: int) -> dict[str, str]:
        """Class folder to class name.

        Args:
            folders: how many class folders there are on disk. A complete dataset needs the
                complete list; for a part of one, a warning is enough.

        Raises:
            ValueError: the list is not the one of ImageNet's 1,000 classes.
        """
        path = self.split_path()
        self.require(path)
        names = read_class_names(path)
        problems = "; ".join(problems_of_names(names))
        if problems and folders == self.facts.classes:
            raise ValueError(f"{path}: {problems}. Class names would be wrong. {self.how_to_get}")
        if problems:
            print(f"WARNING: {path}: {problems}")
        return names

    def folder_items(self, below: str) -> list[Item]:
        """Every image of the class folders below `below`, labels in their sorted order."""
        folders = class_folders(self.images / below)
        names = self.class_names(len(folders))
        missing = [folder for folder in folders if folder not in names]
        if missing:
            raise ValueError(
                f"{self.images / below / missing[0]} is not a class of {self.split_path()}"
            )
        prefix = f"{below}/" if below else ""
        return [
            (f"{prefix}{folder}/{image}", label, names[folder])
            for label, folder in enumerate(folders)
            for image in visible_files(self.images / below / folder)
        ]


class ImageNetVariant(WordnetFolders):
    """A test set for a model that was trained on ImageNet.

    All images are the test set, and stand for the training set too, which names the classes.
    So a variant is scored over its own classes, however many the model was trained on. Few shots
    and halves do not apply: DATASET.NUM_SHOTS and SUBSAMPLE_CLASSES are ignored, as in CoOp.
    """

    test_only = True

    def load_split(self) -> Split:
        items = self.folder_items("")
        return {"train": items, "val": [], "test": items}

    def select(self, split: Split, cfg: Any) -> Split:
        if cfg.DATASET.NUM_SHOTS >= 1 or cfg.DATASET.SUBSAMPLE_CLASSES != "all":
            print(
                f"{type(self).__name__} is a test set: DATASET.NUM_SHOTS and SUBSAMPLE_CLASSES "
                "are ignored, all its classes are scored"
            )
        return split


def read_class_names(path: Path) -> dict[str, str]:
    """WordNet id to class name; each line is `n01440764 tench`.

    Raises:
        ValueError: a line without a name, or an id that stands twice; the line is named.
    """
    names: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        wnid, _, name = line.strip().partition(" ")
        if not line.strip():
            continue
        if not name.strip():
            raise ValueError(f'{path}, line {number}: "{line}" should be an id and a name')
        if wnid in names:
            raise ValueError(f"{path}, line {number}: {wnid} is there twice")
        names[wnid] = name.strip()
    return names


def problems_of_names(names: dict[str, str]) -> list[str]:
    """What distinguishes a list from that of ImageNet's 1,000 classes, a sentence each."""
    known = wordnet_ids()
    problems = []
    if len(names) != len(known):
        problems.append(f"it has {len(names):,} classes instead of {len(known):,}")
    for ids, verdict in (
        (sorted(set(names) - known), "no class of ImageNet is called"),
        (sorted(known - set(names)), "it lacks"),
    ):
        if ids:
            rest = f" and {len(ids) - MANY:,} more" if len(ids) > MANY else ""
            problems.append(f"{verdict} {', '.join(ids[:MANY])}{rest}")
    return problems


@lru_cache
def wordnet_ids() -> frozenset[str]:
    """The ids of ILSVRC 2012's 1,000 classes."""
    import rpo

    path = Path(str(rpo.__file__)).parent / "assets" / "imagenet_wnids.txt"
    return frozenset(path.read_text(encoding="utf-8").split())
