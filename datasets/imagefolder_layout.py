"""How folders of one's own images may lie: a folder a class, those of train, val and test first."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rpo.inference.images import is_image

from .folders import class_folders

# What a part may be called, in any case of letters.
PART_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


def part_of(name: str) -> str:
    """The part, train, val or test, that goes by a name; empty if none does."""
    wanted = name.strip().lower()
    return next((part for part, names in PART_NAMES.items() if wanted in names), "")


def part_folders(folder: Path) -> dict[str, str]:
    """The names of the folders of train, val and test images in a folder; empty if its folders are
    classes.

    Raises:
        ValueError: it has a folder train that may be either.
    """
    names = class_folders(folder)
    parts = {part_of(name): name for name in reversed(names) if part_of(name)}
    if "train" not in parts:
        return {}
    train, others = folder / parts["train"], [name for name in names if not part_of(name)]
    inside = class_folders(train)
    if others and not inside:  # a class of that name
        return {}
    if others and len(parts) == 1:
        raise ValueError(
            f"{folder} has {train.name}, with the folders {', '.join(inside[:5])} in it, beside "
            f"{', '.join(others[:5])}: if it holds the training images, give {train}; if it is a "
            "class, its images should lie in it without folders"
        )
    return parts


def refuse_other_layouts(parent: Path, classes: Sequence[str]) -> None:
    """Raises ValueError for folders in `parent` that would be taken for other classes than meant.

    They are parts without one for training, or parts of each class, of which the first is looked
    at, or lie one folder deeper.
    """
    if all(map(part_of, classes)):
        raise ValueError(
            f"{parent} has {' and '.join(classes)}, but no folder train: its class folders would "
            "be images to learn from"
        )
    first = parent / classes[0]
    deeper = class_folders(first)
    if len(classes) == 1 and deeper and not _holds_images(first):
        raise ValueError(
            f"{parent} holds nothing but the folder {first.name}, and that the folders "
            f"{', '.join(deeper[:5])}: if these are meant, they should be in {parent}"
        )
    parts = sorted(filter(part_of, deeper), key=lambda name: part_of(name) != "train")
    if len(parts) > 1:
        raise ValueError(
            f"{first} has folders {' and '.join(parts)}, and parts come before classes: "
            f"{parent / parts[0] / first.name}, {parent / parts[1] / first.name}. A CSV of "
            "path,label,split does as well, wherever the images lie"
        )


def warn_of_folders_left_aside(folder: Path, parts: Iterable[str]) -> None:
    """Says which folders are not read, beside `parts`, those of the parts."""
    if others := [name for name in class_folders(folder) if not part_of(name)]:
        print(
            f"WARNING: {folder}: {', '.join(others[:5])} is not read, as there are folders of "
            f"parts: {', '.join(parts)}"
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
