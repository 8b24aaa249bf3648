"""Is a split sound? Labels and names one to one, no image twice, ImageNet's 50 a class."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..base import FewShotDataset
from ..split import PARTS, Item, Split

# ImageNet itself has two birds and machines called crane, and two garments called maillot.
KNOWN_DOUBLES = {"crane", "maillot"}
FIX = "take the published split"
SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """Something to say about a dataset. Only a problem makes it unfit for published comparisons."""

    text: str
    fix: str = ""
    is_problem: bool = True

    def __str__(self) -> str:
        kind = "PROBLEM" if self.is_problem else "note"
        return f"{kind}: {self.text}" + (f"\n    fix: {self.fix}" if self.fix else "")


def note(text: str) -> Finding:
    return Finding(text, is_problem=False)


def some(things: Sequence[object]) -> str:
    """The first few of a list, and how many more."""
    rest = f" and {len(things) - SHOWN:,} more" if len(things) > SHOWN else ""
    return ", ".join(str(thing) for thing in things[:SHOWN]) + rest


def how_to_get(dataset: FewShotDataset) -> str:
    if not dataset.dataset_dir:  # a folder of yours
        return "correct the folder or the list"
    if dataset.facts is None:
        return dataset.how_to_get
    return f"{dataset.how_to_get} Or: rpo data prepare {dataset.config_name()}"


def fix_of(dataset: FewShotDataset, published: str) -> str:
    """What mends a dataset that is published; of others how to get them is said."""
    return published if dataset.facts else how_to_get(dataset)


def check_split(dataset: FewShotDataset, split: Split) -> Iterator[Finding]:
    """The findings about labels, class names and images, without a look at the disk."""
    fix = fix_of(dataset, FIX)
    pairs = {(label, name.strip()) for items in split.values() for _, label, name in items}
    labels, names = Counter(label for label, _ in pairs), Counter(name for _, name in pairs)
    if sorted(labels) != list(range(len(labels))):
        yield Finding(f"labels are not 0 ... {len(labels) - 1} without a gap", fix)
    if len(labels) == 1:
        yield Finding("there is a single class: every accuracy would be 100 %", fix)
    if several := sorted(label for label, count in labels.items() if count > 1):
        yield Finding(f"labels with more than one class name: {some(several)}", fix)
    doubled = sorted(name for name, count in names.items() if count > 1)
    if wrong := [name for name in doubled if name not in KNOWN_DOUBLES]:
        yield Finding(f"class names of more than one label: {some(wrong)}", fix)
    if empty := [label for label, name in pairs if not name]:
        yield Finding(f"labels with an empty class name: {some(empty)}", fix)
    trained = {label for _, label, _ in split["train"]}
    if never := sorted(set(labels) - trained):
        yield Finding(f"labels without a training image: {some(never)}", fix)
    yield from _repeated(split, fix)
    if dataset.config_name() == "imagenet":
        yield from _uneven(split["test"])


def _repeated(split: Split, fix: str) -> Iterator[Finding]:
    parts = [split[part] for part in PARTS]
    if split["train"] == split["test"]:  # a test set, whose images stand for training too
        parts = [split["test"]]
    counts = Counter(image for items in parts for image, _, _ in items)
    if twice := [image for image, count in counts.items() if count > 1]:
        yield Finding(
            f"images that are in the split more than once: {some(twice)}",
            f"{fix}: training images must not be tested",
        )


def _uneven(test: list[Item]) -> Iterator[Finding]:
    """ImageNet has 50 validation images of each class."""
    counts = Counter(label for _, label, _ in test)
    names = {label: name for _, label, name in test}
    wrong = [f"{names[label]}: {count}" for label, count in sorted(counts.items()) if count != 50]
    if wrong:
        yield Finding(
            f"classes without exactly 50 test images: {some(wrong)}",
            "unpack ILSVRC2012_img_val.tar again",
        )
