"""Digits: the 1,797 real handwritten digits, 8 x 8 pixels, that scikit-learn carries.

Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI 1998. They are written out as
images on first use, so that the whole pipeline runs without a download.
"""

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from dassl.data.datasets import DATASET_REGISTRY
from PIL import Image

from rpo.files import cache_folder, write_json
from rpo.registration import register

from .base import FewShotDataset
from .split import Item, split_each_class

CLASS_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIZE = (32, 32)


@register(DATASET_REGISTRY)
class Digits(FewShotDataset):
    dataset_dir = "digits"
    image_dir = "images"
    split_file = "split_digits.json"
    how_to_get = "It makes itself on first use; if its folder is damaged, remove it."

    @classmethod
    def check_files(cls, cfg: Any) -> None:
        """They are made on first use."""

    def prepare(self) -> None:
        """Writes the dataset below DATASET.ROOT or, where that is read-only, in the cache."""
        if self.folder.exists():
            return
        try:
            write_digits(self.folder)
        except OSError:
            self.folder = cache_folder() / self.dataset_dir
            self.images = self.folder / self.image_dir
            if not self.folder.exists():
                write_digits(self.folder)
        print(f"Digits of scikit-learn written to {self.folder}")


def write_digits(folder: Path) -> None:
    """Images and split, whole or not at all, also when several processes start at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".digits-"))
    unfinished.chmod(0o755)
    items = _write_images(unfinished / Digits.image_dir)
    write_json(unfinished / Digits.split_file, split_each_class(items, random.Random(0)))
    try:
        os.rename(unfinished, folder)
    except OSError:
        shutil.rmtree(unfinished)
        if not folder.exists():
            raise


def _write_images(folder: Path) -> list[Item]:
    """One PNG a digit, in the order of scikit-learn."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    items = []
    for index, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        name = CLASS_NAMES[label]
        path = folder / name / f"{index:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = Image.fromarray(np.rint(pixels * 255 / 16).astype(np.uint8))
        grey.resize(SIZE, Image.Resampling.BICUBIC).save(path)
        items.append((f"{name}/{path.name}", int(label), name))
    return items
