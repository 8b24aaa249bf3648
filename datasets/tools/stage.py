"""From archives to a folder in CoOp's layout that has been compared with its split."""

import contextlib
import io
import shutil
from functools import partial
from pathlib import Path

from ..base import FewShotDataset
from .check import images_of
from .check_split import some
from .replace import Places
from .unpack import unpack

ARCHIVES = (".zip", ".tar", ".gz", ".tgz")


def stage(
    dataset: type[FewShotDataset], places: Places, files: list[Path], split: Path | None
) -> None:
    """Unpacks, checks, and only then calls the result ready."""
    unpacked, staged = places.staging / "unpacked", places.staging / dataset.dataset_dir
    unpacked.mkdir(parents=True)
    limit = dataset.facts.most_bytes if dataset.facts else float("inf")
    for file in files:
        _unpack_or_copy(file, unpacked, limit)
    dataset.arrange(unpacked, partial(unpack, limit=limit))
    names = ", ".join(str(file) for file in files)
    content = _find_content(dataset, unpacked)
    if content is None:
        found = ", ".join(sorted(entry.name for entry in unpacked.iterdir())[:5]) or "nothing"
        raise ValueError(
            f"{names}: {dataset.image_dir or 'cars_train'} is not in there, but {found}. "
            f"{dataset.how_to_get}"
        )
    content.rename(staged)
    if split:
        shutil.copyfile(split, staged / dataset.split_file)
    refuse_misfit(dataset.at(places.staging), names)
    staged.rename(places.ready)


def _unpack_or_copy(file: Path, folder: Path, limit: float) -> None:
    if file.suffix.lower() not in ARCHIVES:
        shutil.copy(file, folder / file.name)
        return
    unpack(file, folder, limit)
    for nested in sorted(folder.rglob("101_ObjectCategories.tar.gz")):  # Caltech's zip of archives
        unpack(nested, folder, limit)
        nested.unlink()


def _find_content(dataset: type[FewShotDataset], inner: Path) -> Path | None:
    """The folder, at most two levels down, whose image folder is the dataset's."""
    candidates = [inner, *(path for path in sorted(inner.glob("*/")) if path.is_dir())]
    candidates += [path for path in sorted(inner.glob("*/*/")) if path.is_dir()]
    names = [dataset.image_dir, *(images for _, images in dataset.other_layouts)]
    for folder in candidates:
        for name in dict.fromkeys(name for name in names if name):
            if (folder / name).is_dir():
                if name != dataset.image_dir:
                    (folder / name).rename(folder / dataset.image_dir)
                return folder
        if not dataset.image_dir and (folder / "cars_train").is_dir():
            return folder
    return None


def refuse_misfit(place: FewShotDataset, origin: str) -> None:
    """Raises ValueError if images of the split are missing or empty; without one, if too few."""
    images: list[str] = []
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(FileNotFoundError):
        images = images_of(place.load_split())
    missing = [image for image in images if not has_content(place.path_of(image))]
    if missing:
        raise ValueError(
            f"{origin}: {len(missing):,} of the {len(images):,} images of the split are not there, "
            f"or empty: {some(missing)}. Nothing was changed"
        )
    if place.facts and not place.split_path().is_file():
        found = len(images) or sum(path.is_file() for path in place.images.rglob("*"))
        if found < place.facts.images:
            raise ValueError(
                f"{origin}: {found:,} images are there, {place.facts.images:,} are published. "
                "Nothing was changed"
            )


def has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
