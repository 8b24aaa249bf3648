"""Where a dataset lies below the root: CoOp's layout, or one that other tools make."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class HasLayout(Protocol):
    """What a dataset says of its place."""

    dataset_dir: str
    image_dir: str
    other_layouts: tuple[tuple[str, str], ...]


def layouts(dataset: HasLayout) -> Iterable[tuple[str, str]]:
    """Pairs (dataset folder below the root, image folder below that), CoOp's first."""
    yield dataset.dataset_dir, dataset.image_dir
    yield from dataset.other_layouts


def find_layout(root: Path, dataset: HasLayout) -> tuple[Path, Path]:
    """The dataset's folder and its image folder; CoOp's layout if none of the known is there.

    An archive unpacked into a folder of its own name (`images/images`, as Kaggle has it) counts.
    """
    for folder, images in layouts(dataset):
        found = _unnested(root / folder / images)
        if found.is_dir() and any(found.iterdir()):
            return root / folder, found
    return root / dataset.dataset_dir, root / dataset.dataset_dir / dataset.image_dir


def _unnested(images: Path) -> Path:
    return images / images.name if (images / images.name).is_dir() else images


def describe(root: Path, dataset: HasLayout, images: Path) -> str:
    """A sentence for a layout that is not CoOp's; empty for the one that is."""
    expected = root / dataset.dataset_dir / dataset.image_dir
    return "" if images == expected else f"found as {images}, where CoOp has {expected}"
