"""How folders of one's own images may lie: a folder a class, those of train, val and test first."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from rpo.inference.images import is_image

from .folders import class_folders

# What folders of a part may be called, in any case of letters.
PART_FOLDERS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


def part_folder(folder: Path, part: str) -> str | None:
    """The name of the folder of train, val or test images in a folder, if there is one."""
    present = {name.lower(): name for name in class_folders(folder)}
    return next((present[name] for name in PART_FOLDERS[part] if name in present), None)


def refuse_other_layouts(parent: Path, classes: Sequence[str]) -> None:
    """Raises ValueError for folders in `parent` that would be taken for other classes than meant.

    They are parts without one for training, or parts of each class, of which the first is looked
    at, or lie one folder deeper.
    """
    if set(map(str.lower, classes)) <= set(chain(*PART_FOLDERS.values())):
        raise ValueError(
            f"{parent} has {' and '.join(classes)}, but no folder train: its class folders would "
            "be images to learn from"
        )
    first = parent / classes[0]
    if len(classes) == 1 and not _holds_images(first) and (deeper := class_folders(first)):
        raise ValueError(
            f"{parent} holds nothing but the folder {first.name}, and that the folders "
            f"{', '.join(deeper[:5])}: if these are meant, they should be in {parent}"
        )
    parts = [name for part in PART_FOLDERS if (name := part_folder(first, part))]
    if len(parts) > 1:
        raise ValueError(
            f"{first} has folders {' and '.join(parts)}, and parts come before classes: "
            f"{parent / parts[0] / first.name}, {parent / parts[1] / first.name}. A CSV of "
            "path,label,split does as well, wherever the images lie"
        )


def warn_of_deeper_folders(parent: Path, classes: Sequence[str]) -> None:
    """Says so if all images of every class lie in folders of its folder."""
    deeper = [class_folders(parent / name) for name in classes if not _holds_images(parent / name)]
    if classes and len(deeper) == len(classes) and all(deeper):
        example = parent / classes[0] / deeper[0][0]
        print(
            f"WARNING: {parent}: every class has folders of its own, as {example}, whose images "
            f"count as those of the class {classes[0]!r}"
        )


def _holds_images(folder: Path) -> bool:
    return any(is_image(path) for path in folder.iterdir())
