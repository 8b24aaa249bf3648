"""What `fit` may be given, as the options of DATASET.NAME ImageFolder that stand for it."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from rpo.datasets.folders import class_folders
from rpo.datasets.imagefolder_files import LABELS, PATHS, SPLITS, read_table
from rpo.datasets.imagefolder_layout import part_folders, part_of, refuse_other_layouts
from rpo.inference.images import image_files, read_image


def dataset_options(images: Any, labels: Any, scratch: Path) -> list[str]:
    """KEY VALUE pairs of the configuration.

    Args:
        images: a folder of class folders, a CSV of path,label, a pair of images and labels, a
            DataFrame with such columns; or images, files or of Pillow, with `labels`.
        labels: a class name for each image; None where they come with the images.
        scratch: an empty folder, for a list and for images that are in no file yet.

    Raises:
        FileNotFoundError: there is no such folder or file. ValueError: images and labels do not
            belong together; it is said why.
    """
    if labels is None and isinstance(images, (str, Path)):
        source = Path(images).expanduser().absolute()
        if source.is_dir():
            return ["DATASET.FOLDER", str(source)]
        if source.is_file() and source.suffix.lower() == ".csv":
            return ["DATASET.CSV", str(source)]
        kind = FileNotFoundError if not source.exists() else ValueError
        raise kind(f"{images} is neither a folder of class folders nor a CSV of path,label")
    files, names = labelled_images(images, labels, part="")
    parts = _parts(images) or ["train"] * len(files)
    paths = [_in_file(each, scratch / f"{index:06}.png") for index, each in enumerate(files)]
    _refuse_contradictions(paths, list(zip(names, parts, strict=True)))
    table = scratch / "images.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = zip(paths, names, parts, strict=True)
        csv.writer(file).writerows([("path", "label", "split"), *rows])
    return ["DATASET.CSV", str(table)]


def _refuse_contradictions(paths: Sequence[str], said: Sequence[tuple[str, str]]) -> None:
    """Raises ValueError for an image that is given twice, with two labels or parts."""
    first: dict[str, tuple[str, str]] = {}
    for path, (label, part) in zip(paths, said, strict=True):
        before = first.setdefault(os.path.normpath(path), (label, part))
        if before != (label, part):
            raise ValueError(
                f"{path} is given twice: as {before[0]!r} of {before[1]} images, and as {label!r} "
                f"of {part} images"
            )


def labelled_images(
    images: Any, labels: Any = None, part: str = "test"
) -> tuple[list[Any], list[str]]:
    """Images and the class name of each.

    Args:
        part: of a table that tells parts, the rows that are meant, where there are any; empty: all.

    Raises:
        ValueError: there is no label for an image, or one that is no name; it is said which.
    """
    if hasattr(images, "columns"):
        if labels is not None:
            raise ValueError("labels come with a table: fit(table), or fit(table['path'], labels)")
        parts = _parts(images)
        if part == "test" and part not in parts:  # as of folders
            part = "val"
        if part in parts:
            images = images[[each == part for each in parts]]
        images, labels = _columns(images)
    elif labels is None and isinstance(images, tuple) and len(images) == 2:
        images, labels = images
    if labels is None:
        raise ValueError(
            "images need labels: fit(images, labels), fit((images, labels)) with a tuple, a folder "
            "of class folders, or a CSV or DataFrame with the columns path and label"
        )
    if isinstance(images, (str, Path)):
        raise ValueError(f"labels are for a list of images; {images} is given without any")
    files, names = list(images), [_name(label, index) for index, label in enumerate(labels)]
    if not files:
        raise ValueError("there are no images")
    if len(files) != len(names):
        raise ValueError(f"there are {len(files):,} images and {len(names):,} labels")
    return files, names


def _columns(table: Any) -> tuple[Any, Any]:
    found = [
        next((column for column in table.columns if str(column).lower() in names), None)
        for names in (PATHS, LABELS)
    ]
    if None in found:
        columns = ", ".join(map(str, table.columns))
        raise ValueError(f"the table has the columns {columns}; it needs path and label")
    return table[found[0]], table[found[1]]


def _parts(table: Any) -> list[str]:
    """The part of each row of a table; empty where no column says it, or for anything else.

    Raises:
        ValueError: a row has another; it is named.
    """
    columns = getattr(table, "columns", ())
    column = next((each for each in columns if str(each).lower() in SPLITS), None)
    if column is None:
        return []
    said = [str(part) for part in table[column]]
    for index, part in zip(table.index, said, strict=True):
        if not part_of(part):
            raise ValueError(
                f"row {index} of the table: {column} is {part!r}; it can be train, val or test"
            )
    return [part_of(part) for part in said]


def _name(label: Any, index: int) -> str:
    if not isinstance(label, str) or not label.strip():
        raise ValueError(
            f"a label is the name of its class, which CLIP reads, and {label!r} is none (image "
            f"{index + 1:,}): map numbers to names first. Tools of scikit-learn that number the "
            "labels themselves, as cross_val_predict for probabilities does, cannot be used"
        )
    if label != label.strip() or len(label.splitlines()) > 1:
        raise ValueError(f"the label {label!r} begins or ends with a space, or has several lines")
    return label


def _in_file(image: Any, path: Path) -> str:
    if isinstance(image, Image.Image):
        read_image(image).save(path)
        return str(path)
    if not isinstance(image, (str, Path)):
        kind = type(image).__name__
        raise ValueError(f"an image is given as its file or by Pillow, and this is of type {kind}")
    file = Path(image).expanduser().absolute()
    if not file.is_file():
        raise FileNotFoundError(f"there is no image file {image}")
    return str(file)


def unlabelled_images(images: Any) -> Iterator[Any]:
    """Each image of a folder, of one file, of a sequence; or the one image of Pillow.

    Raises:
        FileNotFoundError: there is no such file or folder. ValueError: there is nothing in it.
    """
    if isinstance(images, (str, Path)) and Path(images).is_dir():
        found: Sequence[Any] = image_files(Path(images))
        if not found:
            raise ValueError(f"there is no image in {images}")
        yield from found
    elif isinstance(images, (str, Path, Image.Image)):
        yield images
    elif hasattr(images, "columns"):
        column = next((each for each in images.columns if str(each).lower() in PATHS), None)
        if column is None:
            columns = ", ".join(map(str, images.columns))
            raise ValueError(f"the table has the columns {columns}; it needs path")
        yield from images[column]
    elif isinstance(images, Iterable):
        yield from images
    else:
        raise ValueError(f"images are files or of Pillow, or a list of such, and not {images!r}")


def trained_classes(source: Path) -> set[str]:
    """The class names of the training images in a folder of class folders or a CSV.

    Raises:
        FileNotFoundError, ValueError: there is no such thing.
    """
    if source.is_file():
        return {name for _, _, name in read_table(source)["train"]}
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is neither a folder of class folders nor a CSV")
    return set(_class_folders(source / part_folders(source).get("train", "")))


def listed_images(source: Path) -> tuple[list[Any], list[str]]:
    """Files and class names of a folder of class folders or a CSV; of their test part if they
    have one.

    Raises:
        FileNotFoundError, ValueError: there is no such thing, or nothing in it.
    """
    if source.is_file():
        folder = source.absolute().parent
        split = read_table(source)
        rows = split["test"] or split["val"] or split["train"]
        return [folder / path for path, _, _ in rows], [name for _, _, name in rows]
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is neither a folder of class folders nor a CSV")
    parts = part_folders(source)
    source /= parts.get("test") or parts.get("val") or parts.get("train", "")
    found = [(path, name) for name in _class_folders(source) for path in image_files(source / name)]
    if not found:
        raise ValueError(f"{source} holds no class folder with images")
    return [path for path, _ in found], [name for _, name in found]


def _class_folders(source: Path) -> list[str]:
    """Raises ValueError for folders that lie otherwise; see `refuse_other_layouts`."""
    names = class_folders(source)
    if names:
        refuse_other_layouts(source, names)
    return names
