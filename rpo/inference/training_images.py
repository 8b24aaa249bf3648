"""Images that a classifier is trained on, and those that are not: of how many, which, and why."""

import os
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rpo.inference.images import THREADS, Source, read_image
from rpo.methods.traits import known_traits

# More do not change the one number that is fitted.
CALIBRATION_IMAGES = 1000


def images_of_classes(trainer: Any) -> list[int]:
    """How many images each class is trained on."""
    return list(Counter(item.label for item in trainer.dm.dataset.train_x).values())


def files_of(trainer: Any) -> set[str]:
    """The files of the images that are trained on."""
    return {os.path.realpath(item.impath) for item in trainer.dm.dataset.train_x}


def say_warnings(log: str) -> None:
    """What the dataset has said, as a log has it, that a user should know."""
    for line in dict.fromkeys(log.splitlines()):
        if line.startswith("WARNING: "):
            print(line, file=sys.stderr)


def say_fewer_images(trainer: Any) -> None:
    """A line for whoever asked for more images a class than there are."""
    found = trainer.dm.dataset.provenance.get("fewer_images")
    if found and known_traits()[trainer.cfg.TRAINER.NAME].learns:
        print(found, file=sys.stderr)


def say_test_part(trainer: Any) -> None:
    """A line where a test part came along, which is not trained on.

    Where there is none, the dataset's test images are all that there are.
    """
    dataset = trainer.dm.dataset
    used = {item.impath for item in dataset.train_x}
    tested = [item.impath for item in dataset.test]
    if tested and used.isdisjoint(tested):
        source = dataset.source()
        print(
            f"{len(tested):,} images of {source} are its test part, and left aside: --test "
            f"{source}, or measure() in Python, takes them",
            file=sys.stderr,
        )


def held_out(trainer: Any, seed: int, scratch: Path) -> list[tuple[Source, int]]:
    """Image and label of training images that the shots left over, to calibrate on.

    They are read here once, so that no fault of theirs is found only after the training.

    Args:
        scratch: the folder that goes when the training ends; images in it are kept in memory.

    Raises:
        ValueError: there is none, or one cannot be read.
    """
    unused = left_over(trainer)
    if not unused:
        raise ValueError(
            "no training image is left over to calibrate on: every one would be trained on. "
            "Fewer shots leave some"
        )
    chosen = random.Random(seed).sample(unused, min(len(unused), CALIBRATION_IMAGES))

    def lasting(item: tuple[str, int]) -> tuple[Source, int]:
        path, label = item
        image = read_image(path)
        return (image if scratch in Path(path).parents else path), label

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lasting, chosen))


def left_over(trainer: Any) -> list[tuple[str, int]]:
    """File and label of every training image that is not in the sample."""
    dataset = trainer.dm.dataset
    used = {item.impath for item in dataset.train_x}
    items = [
        (str(dataset.path_of(path)), label) for path, label, _ in dataset.load_split()["train"]
    ]
    return [(path, label) for path, label in items if path not in used]
