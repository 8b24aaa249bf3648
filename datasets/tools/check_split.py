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


def check_split(dataset: FewShotDataset, split: Split) -> Iterator[Finding]:
    """The findings about labels, class names and images, without a look at the disk."""
    pairs = {(label, name.strip()) for items in split.values() for _, label, name in items}
    labels, names = Counter(label for label, _ in pairs), Counter(name for _, name in pairs)
    if sorted(labels) != list(range(len(labels))):
        yield Finding(f"labels are not 0 ... {len(labels) - 1} without a gap", FIX)
    if len(labels) == 1:
        yield Finding("there is a single class: every accuracy would be 100 %", FIX)
    if several := sorted(label for label, count in labels.items() if count > 1):
        yield Finding(f"labels with more than one class name: {some(several)}", FIX)
    doubled = sorted(name for name, count in names.items() if count > 1)
    if wrong := [name for name in doubled if name not in KNOWN_DOUBLES]:
        yield Finding(f"class names of more than one label: {some(wrong)}", FIX)
    if empty := [label for label, name in pairs if not name]:
        yield Finding(f"labels with an empty class name: {some(empty)}", FIX)
    trained = {label for _, label, _ in split["train"]}
    if never := sorted(set(labels) - trained):
        yield Finding(f"labels without a training image: {some(never)}", FIX)
    yield from _repeated(split)
    if dataset.config_name() == "imagenet":
        yield from _uneven(split["test"])


def _repeated(split: Split) -> Iterator[Finding]:
    parts = [split[part] for part in PARTS]
    if split["train"] == split["test"]:  # a test set, whose images stand for training too
        parts = [split["test"]]
    counts = Counter(image for items in parts for image, _, _ in items)
    if twice := [image for image, count in counts.items() if count > 1]:
        yield Finding(
            f"images that are in the split more than once: {some(twice)}",
            f"{FIX}: training images must not be tested",
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
