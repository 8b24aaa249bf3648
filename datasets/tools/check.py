"""Is a dataset whole? Its place, counts, split, names and images, each problem with its cure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..base import FewShotDataset
from ..layout import describe
from ..split import PARTS, Item, Split, digest
from ..wordnet import WordnetFolders, problems_of_names, read_class_names
from .decode import decode_all

SHOWN = 5
# ImageNet itself has two birds and machines called crane, and two garments called maillot.
KNOWN_DOUBLES = {"crane", "maillot"}


@dataclass(frozen=True)
class Finding:
    """Something to say about a dataset. Only a problem makes it unfit for published comparisons."""

    text: str
    cure: str = ""
    is_problem: bool = True

    def __str__(self) -> str:
        kind = "PROBLEM" if self.is_problem else "note"
        return f"{kind}: {self.text}" + (f"\n    cure: {self.cure}" if self.cure else "")


def note(text: str) -> Finding:
    return Finding(text, is_problem=False)


def check(dataset: FewShotDataset, decode: bool = True) -> Iterator[Finding]:
    """Everything that can be found, the most basic first. What cannot be read ends it early."""
    name = dataset.config_name()
    if not dataset.images.is_dir():
        yield Finding(f"{dataset.images} is not there", how_to_get(dataset))
        yield from _lookalikes(dataset)
        return
    if layout := describe(dataset.root, dataset, dataset.images):
        yield note(layout)
    if isinstance(dataset, WordnetFolders):
        yield from _class_names_file(dataset)
    elif not dataset.split_path().is_file():
        yield Finding(
            f"the published split {dataset.split_file} is not in {dataset.folder}",
            f"put it there, or: rpo data prepare {name} --split FILE",
        )
    try:
        split = dataset.load_split()
    except (OSError, ValueError, KeyError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        yield Finding(f"it cannot be read: {message}", how_to_get(dataset))
        return
    yield from check_counts(dataset, split)
    yield from check_names(split)
    missing = [image for image in images_of(split) if not dataset.path_of(image).is_file()]
    yield from _missing(dataset, missing, len(images_of(split)))
    if decode:
        absent = set(missing)
        present = [image for image in images_of(split) if image not in absent]
        yield from _decoded(dataset, present)


def how_to_get(dataset: FewShotDataset) -> str:
    return f"{dataset.how_to_get} Or: rpo data prepare {dataset.config_name()}"


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
    cure = "take CoOp's classnames.txt: rpo data prepare imagenet --split FILE"
    if not path.is_file():
        yield Finding(f"{path} is not there", cure)
        return
    try:
        problems = problems_of_names(read_class_names(path))
    except ValueError as error:
        problems = [str(error)]
    for problem in problems:
        yield Finding(f"{path}: {problem}", cure)


def check_counts(dataset: FewShotDataset, split: Split) -> Iterator[Finding]:
    """Images of each part and classes against the published figures."""
    facts = dataset.facts
    if facts is None:
        return
    for part, expected in zip(PARTS, facts.sizes, strict=True):
        found = len(split[part])
        if found != expected and not (expected == 0 and part != "test"):
            yield Finding(
                f"{part} has {found:,} images, {expected:,} are published", how_to_get(dataset)
            )
    classes = len({label for _, label, _ in split["test"]})
    if classes != facts.classes:
        yield Finding(
            f"{classes:,} classes are tested, {facts.classes:,} are published", how_to_get(dataset)
        )
    if dataset.split_path().suffix == ".json" and facts.split_digest not in ("", digest(split)):
        yield Finding(
            f"{dataset.split_path()} is not CoOp's: results on it cannot be compared",
            f"take the published one: rpo data prepare {dataset.config_name()} --split FILE",
        )
    if isinstance(dataset, WordnetFolders) and dataset.config_name() == "imagenet":
        yield from _uneven(split["test"])


def _uneven(test: list[Item]) -> Iterator[Finding]:
    """ImageNet has 50 validation images of each class."""
    counts = Counter(image.rpartition("/")[0] for image, _, _ in test)
    wrong = [f"{folder}: {count}" for folder, count in sorted(counts.items()) if count != 50]
    if wrong and len(counts) > 1:
        yield Finding(
            f"class folders without exactly 50 images: {some(wrong)}",
            "unpack ILSVRC2012_img_val.tar again",
        )


def check_names(split: Split) -> Iterator[Finding]:
    """Labels and names one to one, labels without a gap, no image twice."""
    pairs = {(label, name) for items in split.values() for _, label, name in items}
    labels, names = Counter(label for label, _ in pairs), Counter(name for _, name in pairs)
    cure = "take the published split"
    if sorted(labels) != list(range(len(labels))):
        yield Finding(f"labels are not 0 ... {len(labels) - 1} without a gap", cure)
    if several := sorted(label for label, count in labels.items() if count > 1):
        yield Finding(f"labels with more than one class name: {some(several)}", cure)
    doubled = sorted(name for name, count in names.items() if count > 1)
    if wrong := [name for name in doubled if name not in KNOWN_DOUBLES]:
        yield Finding(f"class names of more than one label: {some(wrong)}", cure)
    if empty := [label for label, name in pairs if not name.strip()]:
        yield Finding(f"labels with an empty class name: {some(empty)}", cure)
    yield from _repeated(split)


def _repeated(split: Split) -> Iterator[Finding]:
    parts = [split[part] for part in PARTS if split[part] is not split["test"]] + [split["test"]]
    if split["train"] == split["test"]:  # a test set, whose images stand for training too
        parts = [split["test"]]
    counts = Counter(image for items in parts for image, _, _ in items)
    if twice := [image for image, count in counts.items() if count > 1]:
        yield Finding(
            f"images that are in the split more than once: {some(twice)}",
            "take the published split: training images must not be tested",
        )


def _missing(dataset: FewShotDataset, missing: list[str], total: int) -> Iterator[Finding]:
    if missing:
        yield Finding(
            f"{len(missing):,} of {total:,} images are not in {dataset.images}: {some(missing)}",
            "unpack the archive again; images must be called as in the split, capitals included",
        )


def _decoded(dataset: FewShotDataset, images: list[str]) -> Iterator[Finding]:
    paths = [dataset.path_of(image) for image in images]
    report = decode_all(paths)
    if report.unreadable:
        yield Finding(
            f"{len(report.unreadable):,} images cannot be read: {some(report.unreadable)}",
            "unpack the archive again, or replace these files",
        )
    for kind, files in sorted(report.unusual.items()):
        yield note(f"{len(files):,} images are {kind}, for example {relative(files[0], dataset)}")


def relative(path: str, dataset: FewShotDataset) -> Path:
    return Path(path).relative_to(dataset.root)


def some(things: list) -> str:  # type: ignore[type-arg]
    """The first few of a list, and how many more."""
    rest = f" and {len(things) - SHOWN:,} more" if len(things) > SHOWN else ""
    return ", ".join(str(thing) for thing in things[:SHOWN]) + rest
