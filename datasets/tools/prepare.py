"""`rpo data prepare`: from archives to a dataset in CoOp's layout, whole or not at all."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from rpo.files import write_text

from ..base import FewShotDataset
from ..facts import Download
from ..split import read_split
from ..wordnet import read_class_names
from .download import DownloadError, checksum, download
from .unpack import unpack

ARCHIVES = (".zip", ".tar", ".gz", ".tgz")


def prepare(
    dataset: type[FewShotDataset],
    root: Path,
    archives: Sequence[str] = (),
    split: str | None = None,
    mirror: str | None = None,
) -> None:
    """Makes what is missing: the images, then the split.

    Archives are unpacked beside the final place, which the result takes by a rename; interrupted
    at any moment, the same call starts over or continues.

    Raises:
        FileNotFoundError: a file given is not there, or the dataset has to be fetched by hand.
        ValueError: a file is damaged, is not this dataset, or could not be fetched.
    """
    for given in (*archives, *([split] if split else [])):
        if not Path(given).is_file():
            raise FileNotFoundError(f"there is no file {given}")
    _validate_split(dataset, Path(split) if split else None)
    place = dataset.at(root)
    if archives or not has_images(place):
        files = [Path(archive) for archive in archives]
        _place_images(dataset, root, files or _fetch(dataset, root, mirror))
    _place_split(dataset.at(root), Path(split) if split else None, mirror)


def has_images(place: FewShotDataset) -> bool:
    """Whether the image folder holds folders or images, not just split files."""
    return place.images.is_dir() and any(
        entry.is_dir() or entry.suffix.lower() == ".jpg"
        for entry in place.images.iterdir()
        if entry.name != "split_fewshot"
    )


def _fetch(dataset: type[FewShotDataset], root: Path, mirror: str | None) -> list[Path]:
    facts = dataset.facts
    if facts is None or not (facts.downloads or mirror):
        raise FileNotFoundError(
            f"{dataset.__name__} cannot be fetched automatically ({facts.terms if facts else ''}). "
            f"{dataset.how_to_get} Archives that you have: rpo data prepare "
            f"{dataset.config_name()} --archive FILE ... --split FILE"
        )
    print(f"{dataset.__name__}: {facts.terms}")
    return [download(_at(file, mirror), _downloads(root)) for file in facts.downloads]


def _at(file: Download, mirror: str | None) -> Download:
    if mirror is None:
        return file
    return Download(file.name, (f"{mirror.rstrip('/')}/{quote(file.name)}",), file.md5)


def _downloads(root: Path) -> Path:
    return root / ".downloads"


def _place_images(dataset: type[FewShotDataset], root: Path, files: list[Path]) -> None:
    """Unpacks into a folder of this name beside the final one, then moves that into place."""
    _compare(dataset, files)
    staging = root / f".unfinished-{dataset.config_name()}"
    shutil.rmtree(staging, ignore_errors=True)  # of an interrupted call
    inner = staging / dataset.dataset_dir
    inner.mkdir(parents=True)
    try:
        for file in files:
            _unpack_or_copy(file, inner)
        content = _find_content(dataset, inner)
        if content is None:
            names = ", ".join(str(file) for file in files)
            found = ", ".join(sorted(entry.name for entry in inner.iterdir())[:5]) or "nothing"
            raise ValueError(
                f"{names}: {dataset.image_dir or 'cars_train'} is not in there, but {found}. "
                f"{dataset.how_to_get}"
            )
        _move(content, root / dataset.dataset_dir, dataset.image_dir)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack_or_copy(file: Path, folder: Path) -> None:
    if file.suffix.lower() not in ARCHIVES:
        shutil.copy(file, folder / file.name)
        return
    unpack(file, folder)
    for nested in sorted(folder.rglob("101_ObjectCategories.tar.gz")):  # Caltech's zip of archives
        unpack(nested, folder)
        nested.unlink()


def _compare(dataset: type[FewShotDataset], files: list[Path]) -> None:
    """Says if an archive of the published name is not the published file; `check` will judge."""
    published = {file.name: file.md5 for file in (dataset.facts.downloads if dataset.facts else ())}
    for file in files:
        if published.get(file.name) and checksum(file) != published[file.name]:
            print(f"{file} is not byte for byte the published archive; its content is checked")


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


def _move(content: Path, target: Path, image_dir: str) -> None:
    """One rename where nothing is there yet; else entry by entry, the images last."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(content, target)
        return
    for entry in sorted(content.iterdir(), key=lambda entry: entry.name == image_dir):
        old = target / entry.name
        if old.is_dir():
            aside = content.parent / f".old-{entry.name}"
            os.rename(old, aside)
        os.rename(entry, old)


def _place_split(place: FewShotDataset, given: Path | None, mirror: str | None) -> None:
    facts = place.facts
    if facts is None or facts.split is None or (given is None and place.split_path().is_file()):
        return
    if given is None:
        try:
            given = download(_at(facts.split, mirror), _downloads(place.root))
            _validate_split(type(place), given)
        except (DownloadError, ValueError) as error:
            print(f"no split: {error}")
            return
    place.folder.mkdir(parents=True, exist_ok=True)
    write_text(place.folder / place.split_file, given.read_text(encoding="utf-8"))


def _validate_split(dataset: type[FewShotDataset], path: Path | None) -> None:
    """Raises ValueError before anything is placed."""
    if path is None or dataset.facts is None or dataset.facts.split is None:
        return
    read = read_split if dataset.split_file.endswith(".json") else read_class_names
    read(path)
