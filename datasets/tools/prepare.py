"""`rpo data prepare`: from archives to a dataset in CoOp's layout, whole or not at all."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from rpo.files import read_text, write_text

from ..base import FewShotDataset
from ..split import digest_of_names, read_split
from ..wordnet import NAMES_DIGEST, WordnetFolders, problems_of_names, read_class_names
from .check import images_of
from .check_split import some
from .download import DownloadError, checksum, discard, download
from .facts import Download
from .replace import Places, recover, swap
from .stage import ARCHIVES, has_content, stage
from .unpack import is_archive


def prepare(
    dataset: type[FewShotDataset],
    root: Path,
    archives: Sequence[str] = (),
    split: str | None = None,
    mirror: str | None = None,
) -> None:
    """Makes what is missing: the images, then the split.

    Archives are unpacked beside the final place and compared with the split before anything that is
    there is touched. Interrupted at any moment, the same call starts over or continues.

    Raises:
        FileNotFoundError: a file given is not there, or the dataset has to be fetched by hand.
        ValueError: a file is damaged, is not this dataset, or could not be fetched.
    """
    for given in (*archives, *([split] if split else [])):
        if not Path(given).is_file():
            raise FileNotFoundError(f"there is no file {given}")
    given_split = Path(split) if split else None
    if given_split:
        _validate_split(dataset, given_split)
    recover(_places(dataset, root))
    if archives or not has_images(dataset.at(root)):
        _place_images(dataset, root, [Path(file) for file in archives], given_split, mirror)
    elif path := given_split or _missing_split(dataset.at(root), mirror):
        _place_split(dataset.at(root), path)


def has_images(place: FewShotDataset) -> bool:
    """Whether the image folder holds folders or images, not just split files."""
    return place.images.is_dir() and any(
        entry.is_dir() or entry.suffix.lower() == ".jpg"
        for entry in place.images.iterdir()
        if entry.name != "split_fewshot"
    )


def _places(dataset: type[FewShotDataset], root: Path) -> Places:
    return Places(root / dataset.dataset_dir, dataset.config_name())


def _place_images(
    dataset: type[FewShotDataset],
    root: Path,
    archives: list[Path],
    split: Path | None,
    mirror: str | None,
) -> None:
    """Unpacks beside the final place, checks, and swaps."""
    files = archives or _fetch(dataset, root, mirror)
    place, places = dataset.at(root), _places(dataset, root)
    if archives:
        _compare(dataset, archives)
    if split:
        _refuse_worse(place, split)
    else:
        known = place.split_path()
        split = known if known.is_file() else _missing_split(place, mirror)
    try:
        stage(dataset, places, files, split)
    except ValueError:
        for file in dataset.facts.downloads if dataset.facts and not archives else ():
            if not file.md5:  # so that a bad download is not kept for ever
                discard(_downloads(root) / file.name)
        raise
    finally:
        shutil.rmtree(places.staging, ignore_errors=True)
    swap(places)


def _fetch(dataset: type[FewShotDataset], root: Path, mirror: str | None) -> list[Path]:
    facts = dataset.facts
    if facts is None:
        raise FileNotFoundError(
            f"{dataset.__name__} is not made of archives, and needs no preparation. "
            f"{dataset.how_to_get}"
        )
    if not (facts.downloads or mirror):
        raise FileNotFoundError(
            f"{dataset.__name__} cannot be fetched automatically ({facts.terms}). "
            f"{dataset.how_to_get} Archives that you have: rpo data prepare "
            f"{dataset.config_name()} --archive FILE ... --split FILE"
        )
    print(f"{dataset.__name__}: {facts.terms}")
    return [
        download(_at(file, mirror), _downloads(root), _validate_archive, facts.most_bytes)
        for file in facts.downloads
    ]


def _at(file: Download, mirror: str | None) -> Download:
    if mirror is None:
        return file
    return Download(file.name, (f"{mirror.rstrip('/')}/{quote(file.name)}",), file.md5)


def _downloads(root: Path) -> Path:
    return root / ".downloads"


def _compare(dataset: type[FewShotDataset], files: list[Path]) -> None:
    """Says if an archive of the published name is not the published file; its content decides."""
    published = {file.name: file.md5 for file in (dataset.facts.downloads if dataset.facts else ())}
    for file in files:
        if published.get(file.name) and checksum(file) != published[file.name]:
            print(f"{file} is not byte for byte the published archive; its content is checked")


def _missing_split(place: FewShotDataset, mirror: str | None) -> Path | None:
    """The published split, fetched if there is none yet; None, and a line, where that fails."""
    facts = place.facts
    if facts is None or facts.split is None or place.split_path().is_file():
        return None
    try:
        return download(
            _at(facts.split, mirror),
            _downloads(place.root),
            lambda path: _validate_split(type(place), path),
            limit=1e8,
        )
    except DownloadError as error:
        print(f"no split: {error}")
        return None


def _place_split(place: FewShotDataset, path: Path) -> None:
    """Writes a split beside the images, if these are all there."""
    if place.split_file.endswith(".json"):
        images = images_of(read_split(path))
        missing = [image for image in images if not has_content(place.path_of(image))]
        if len(missing) == len(images):
            raise ValueError(
                f"{path} is the split of another dataset: none of its {len(images):,} images is in "
                f"{place.images}, for example {some(missing)}"
            )
    _refuse_worse(place, path)
    write_text(place.folder / place.split_file, read_text(path))


def _validate_split(dataset: type[FewShotDataset], path: Path) -> None:
    """Raises ValueError before anything is placed."""
    if dataset.facts and not dataset.facts.split:
        raise ValueError(
            f"{dataset.__name__} takes no --split: {dataset.split_file} comes with its images. "
            f"{dataset.how_to_get}"
        )
    if dataset.split_file.endswith(".json"):
        read_split(path)
    elif issubclass(dataset, WordnetFolders):
        read_class_names(path)


def _refuse_worse(place: FewShotDataset, path: Path) -> None:
    """Raises ValueError for a split that is not the published one, where one would be replaced."""
    there = place.folder / place.split_file
    if place.facts is None or not there.is_file():
        return
    if isinstance(place, WordnetFolders):
        names = read_class_names(path)
        found = "; ".join(problems_of_names(names))
        if not found and digest_of_names([names[wnid] for wnid in sorted(names)]) != NAMES_DIGEST:
            found = "its class names are not CoOp's"
    else:
        found = place.facts.differences(read_split(path), path)
    if found:
        raise ValueError(
            f"{path} is not the published split, so {there} stays as it is: {found}. If you mean "
            "it, copy it there yourself"
        )


def _validate_archive(path: Path) -> None:
    """Raises ValueError for what is called an archive and is none."""
    name = path.name.removesuffix(".part")
    if name.endswith(ARCHIVES) and not is_archive(path):
        raise ValueError(f"{name} is neither a zip nor a tar archive")
