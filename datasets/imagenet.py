"""ImageNet: 1,000 classes. Deng et al., CVPR 2009.

The official archive has the 50,000 validation images in one folder. Which class an image is of
then stands in a file: Kaggle's LOC_val_solution.csv, or a list with one WordNet id a line in the
order of the images.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY

from rpo.files import read_text
from rpo.registration import register

from .folders import class_folders, is_visible, visible_files
from .split import Item, Split
from .tools.facts import Facts
from .wordnet import CLASS_NAMES, NAMES_DIGEST, WordnetFolders

TABLE = "LOC_val_solution.csv"
LIST = "imagenet_2012_validation_synset_labels.txt"
LEVELS = 5  # Kaggle's table lies this far above its images


@register(DATASET_REGISTRY)
class ImageNet(WordnetFolders):
    """The validation folder is the test set, so there is no validation set to select on.

    Who wants to select on it nevertheless says DATASET.VALIDATE_ON_TEST True.
    """

    dataset_dir = "imagenet"
    image_dir = "images"
    other_layouts = (
        ("imagenet", ""),
        ("imagenet", "ILSVRC/Data/CLS-LOC"),
        ("imagenet", "Data/CLS-LOC"),
        ("ILSVRC", "Data/CLS-LOC"),
    )
    how_to_get = (
        "Download ILSVRC2012 from image-net.org (an account is needed), so that "
        "imagenet/images/train and imagenet/images/val hold one folder a class (n01440764, ...), "
        "and put CoOp's classnames.txt in imagenet."
    )
    facts = Facts(
        sizes=(1281167, 0, 50000),
        classes=1000,
        gigabytes=144.0,
        terms="non-commercial research, by account at image-net.org",
        split=CLASS_NAMES,
        names_digest=NAMES_DIGEST,
    )

    @classmethod
    def arrange(cls, unpacked: Path, unpack: Callable[[Path, Path], None]) -> None:
        """ILSVRC2012_img_train.tar holds an archive for each class, ILSVRC2012_img_val.tar images
        without folders."""
        for archive in sorted(unpacked.glob("n*.tar")):
            unpack(archive, unpacked / cls.image_dir / "train" / archive.stem)
            archive.unlink()
        images = sorted(unpacked.glob("ILSVRC2012_val_*.JPEG"))
        for image in images:
            (unpacked / cls.image_dir / "val").mkdir(parents=True, exist_ok=True)
            image.rename(unpacked / cls.image_dir / "val" / image.name)

    def load_split(self) -> Split:
        """Raises ValueError if the two folders differ in classes: labels would not agree."""
        for part in ("train", "val"):
            self.require(self.images / part)
        if not is_flat(self.images / "val"):
            self._compare_classes()
        train = self.folder_items("train")
        return {"train": train, "val": [], "test": self.test_items(train)}

    def test_items(self, train: list[Item]) -> list[Item]:
        """The items of `val`: of its class folders, or of the flat folder and its label file."""
        if not is_flat(self.images / "val"):
            return self.folder_items("val")
        labels = {image.split("/")[1]: (label, name) for image, label, name in train}
        images = sorted((wnid, image) for image, wnid in flat_classes(self.images / "val").items())
        unknown = sorted({wnid for wnid, _ in images} - set(labels))
        if unknown:
            raise ValueError(f"{self.images / 'train'} has no class {unknown[0]}, but val has")
        return [(f"val/{image}", *labels[wnid]) for wnid, image in images]

    def _compare_classes(self) -> None:
        train, val = (set(class_folders(self.images / part)) for part in ("train", "val"))
        if train != val:
            raise ValueError(
                f"{self.images / 'train'} has {len(train):,} classes and {self.images / 'val'} "
                f"has {len(val):,}; only one of them has {', '.join(sorted(train ^ val)[:5])}. "
                "`rpo data check imagenet` says more"
            )

    def select(self, split: Split, cfg: Any) -> Split:
        split = super().select(split, cfg)
        if cfg.DATASET.VALIDATE_ON_TEST:
            print("WARNING: DATASET.VALIDATE_ON_TEST: the test images serve as validation images")
            return split | {"val": split["test"]}
        return split


def is_flat(folder: Path) -> bool:
    """Whether images lie in the folder itself, without class folders."""
    entries = [entry for entry in folder.iterdir() if is_visible(entry)]
    return bool(entries) and not any(entry.is_dir() for entry in entries)


def flat_classes(folder: Path) -> dict[str, str]:
    """Image to WordNet id.

    Raises:
        FileNotFoundError: no file says it; what would have served is named.
        ValueError: the file does not fit the images.
    """
    images = visible_files(folder)
    for parent in list(folder.parents)[:LEVELS]:
        for name, read in ((TABLE, _read_table), (LIST, _read_list)):
            if (parent / name).is_file():
                return _of_images(images, read(parent / name, images), parent / name)
    raise FileNotFoundError(
        f"{folder} holds images without class folders, and nothing says of which class they are. "
        f"Put Kaggle's {TABLE}, or {LIST}, in {folder.parent}, or sort the images into class "
        "folders (n01440764, ...)"
    )


def _read_table(path: Path, images: list[str]) -> dict[str, str]:
    """Rows are `ILSVRC2012_val_00048981,n03995372 85 1 499 272`: image, then class and box."""
    rows = [row for row in csv.reader(read_text(path).splitlines()) if len(row) > 1]
    return {image: boxes.split()[0] for image, boxes in rows if boxes.startswith("n")}


def _read_list(path: Path, images: list[str]) -> dict[str, str]:
    wnids = read_text(path).split()
    if len(wnids) != len(images):
        raise ValueError(f"{path} has {len(wnids):,} lines for {len(images):,} images")
    return {Path(image).stem: wnid for image, wnid in zip(images, wnids, strict=True)}


def _of_images(images: list[str], classes: dict[str, str], path: Path) -> dict[str, str]:
    missing = [image for image in images if Path(image).stem not in classes]
    if missing:
        raise ValueError(f"{path} says nothing of {missing[0]}")
    return {image: classes[Path(image).stem] for image in images}
