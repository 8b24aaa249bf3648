"""ImageNet's validation images as the official archive has them: 50,000 files in one folder.

Which class an image is of then stands in a file: Kaggle's LOC_val_solution.csv, or a list with one
WordNet id a line in the order of the images.
"""

import csv
from pathlib import Path

from .rules import is_visible, visible_files

TABLE = "LOC_val_solution.csv"
LIST = "imagenet_2012_validation_synset_labels.txt"
LEVELS = 5  # Kaggle's table lies this far above its images


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
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) > 1]
    return {image: boxes.split()[0] for image, boxes in rows if boxes.startswith("n")}


def _read_list(path: Path, images: list[str]) -> dict[str, str]:
    wnids = path.read_text(encoding="utf-8").split()
    if len(wnids) != len(images):
        raise ValueError(f"{path} has {len(wnids):,} lines for {len(images):,} images")
    return {Path(image).stem: wnid for image, wnid in zip(images, wnids, strict=True)}


def _of_images(images: list[str], classes: dict[str, str], path: Path) -> dict[str, str]:
    missing = [image for image in images if Path(image).stem not in classes]
    if missing:
        raise ValueError(f"{path} says nothing of {missing[0]}")
    return {image: classes[Path(image).stem] for image in images}
