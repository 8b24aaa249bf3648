"""Is a dataset whole? Its place, split, names, samples and images, each problem with its fix."""

from collections.abc import Iterator
from pathlib import Path

from ..base import FewShotDataset, about_encoding
from ..few_shot import choose_sample, stored_samples
from ..split import PARTS, Split
from ..wordnet import WordnetFolders, problems_of_names, read_class_names
from .check_split import Finding, check_split, fix_of, how_to_get, note, some
from .decode import decode_all


def check(dataset: FewShotDataset, decode: bool = True) -> Iterator[Finding]:
    """Everything that can be found, the most basic first. What cannot be read ends it early."""
    try:
        yield from _check(dataset, decode)
    except OSError as error:
        yield Finding(f"it cannot be read: {error}", "give yourself the permission to read it")


def _check(dataset: FewShotDataset, decode: bool) -> Iterator[Finding]:
    if not dataset.images.is_dir():
        state = "is no folder" if dataset.images.exists() else "is not there"
        yield Finding(f"{dataset.images} {state}", how_to_get(dataset))
        yield from _lookalikes(dataset)
        return
    if layout := dataset.layout_note():
        yield note(layout)
    if isinstance(dataset, WordnetFolders):
        yield from _class_names_file(dataset)
    elif dataset.facts and not dataset.split_path().is_file():
        fix = f"put it there, or: rpo data prepare {dataset.config_name()} --split FILE"
        yield Finding(
            f"the published split {dataset.split_file} is not in {dataset.folder}",
            fix if dataset.facts.split else how_to_get(dataset),
        )
    try:
        split = dataset.load_split()
    except (FileNotFoundError, ValueError, KeyError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        yield Finding(f"it cannot be read: {message}", _how_to_get_split(dataset))
        return
    if dataset.facts and (found := dataset.facts.differences(split, dataset.split_path())):
        yield Finding(f"not comparable with published results: {found}", _how_to_get_split(dataset))
    yield from check_split(dataset, split)
    yield from _samples(dataset, split)
    missing = [image for image in images_of(split) if not dataset.path_of(image).is_file()]
    yield from _missing(dataset, missing, len(images_of(split)))
    if decode:
        absent = set(missing)
        present = [image for image in images_of(split) if image not in absent]
        yield from _decoded(dataset, present)


def _how_to_get_split(dataset: FewShotDataset) -> str:
    of_folders = isinstance(dataset, WordnetFolders)  # its file has no more than names
    has_split = dataset.facts and dataset.facts.split and dataset.split_path().is_file()
    if has_split and not of_folders:
        return f"take the published one: rpo data prepare {dataset.config_name()} --split FILE"
    return how_to_get(dataset)


def images_of(split: Split) -> list[str]:
    """The images of all parts, each once."""
    return list(dict.fromkeys(image for part in PARTS for image, _, _ in split[part]))


def _lookalikes(dataset: FewShotDataset) -> Iterator[Finding]:
    """Folders beside the expected one that may be it under another name."""
    if not dataset.root.is_dir():
        yield Finding(f"the root {dataset.root} is not there", "set it with --root or DATA")
        return
    wanted = _letters(dataset.dataset_dir)
    similar = [
        entry.name
        for entry in sorted(dataset.root.iterdir())
        if entry.name != dataset.dataset_dir
        and wanted
        and (
            wanted in _letters(entry.name)
            or _letters(dataset.config_name()) == _letters(entry.name)
        )
    ]
    if similar:
        yield Finding(
            f"{dataset.root} holds {', '.join(similar)}",
            f"if that is it, rename or link it to {dataset.dataset_dir}",
        )


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _class_names_file(dataset: WordnetFolders) -> Iterator[Finding]:
    path = dataset.split_path()
    fix = "take CoOp's classnames.txt: rpo data prepare imagenet --split FILE"
    if not path.is_file():
        yield Finding(f"{path} is not there", fix)
        return
    try:
        problems = problems_of_names(read_class_names(path))
    except ValueError as error:
        problems = [str(error)]
    for problem in problems:
        yield Finding(f"{path}: {problem}", fix)


def _samples(dataset: FewShotDataset, split: Split) -> Iterator[Finding]:
    """Which few-shot sample a run would use, where some file of one is there."""
    folders = dataset.sample_folders()
    for shots, seed in stored_samples(folders) if dataset.dataset_dir else ():
        sample = choose_sample(split, shots, seed, folders)
        used = f"uses {sample.path}" if sample.path else "draws its sample"
        about = "".join(f"; {remark.removeprefix('WARNING: ')}" for remark in sample.remarks)
        yield note(f"a {shots}-shot run with seed {seed} {used}{about}")


def _missing(dataset: FewShotDataset, missing: list[str], total: int) -> Iterator[Finding]:
    if missing:
        hint = about_encoding(next((name for name in missing if not name.isascii()), ""))
        yield Finding(
            f"{len(missing):,} of {total:,} images are not in {dataset.images}{hint}: "
            f"{some(missing)}",
            fix_of(dataset, "unpack the archive again; images are called as in the split"),
        )


def _decoded(dataset: FewShotDataset, images: list[str]) -> Iterator[Finding]:
    paths = [dataset.path_of(image) for image in images]
    report = decode_all(paths)
    if report.unreadable:
        yield Finding(
            f"{len(report.unreadable):,} images cannot be read: {some(report.unreadable)}",
            fix_of(dataset, "unpack the archive again, or replace these files"),
        )
    for kind, files in sorted(report.unusual.items()):
        example = _below(files[0], dataset.root)
        yield note(f"{len(files):,} images are {kind}, for example {example}")


def _below(path: str, root: Path) -> Path:
    return Path(path).relative_to(root) if Path(path).is_relative_to(root) else Path(path)
