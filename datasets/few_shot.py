"""Few shots: CoOp's sampling rule, and the samples that a dataset's folder holds already.

The first sample that a seed is used with here is kept as JSON and stays, so that runs of one seed
never mix two samples. It is the one of the original programs, where split_fewshot/ holds theirs:
the pickle of CoOp, MaPLe and RPO, or the jsonl of 2SFS. Without one it is drawn.
"""

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from rpo.files import write_json
from rpo.suggest import span

from .split import PARTS, Item, Split, digest, group_by_label
from .tools.stored import fitted, read_sample

FOLDER = "split_fewshot"
MAX_VAL_SHOTS = 4
STORED = re.compile(r"shot_(\d+)-seed_(\d+)(-[0-9a-f]{12}\.json|\.pkl|_train\.jsonl)")


class Sampler(Protocol):
    """What of Python's `random` is used: the module itself, or a `random.Random`."""

    def sample(self, population: list[Item], k: int) -> list[Item]: ...


class Sample(NamedTuple):
    """The sample of a seed.

    Attributes:
        split: few images in train and val; test as it is.
        path: the file that it was read from; None: drawn.
        remarks: what a user should know of the files that were looked at.
    """

    split: Split
    path: Path | None
    remarks: list[str]


def sample_shots(split: Split, shots: int, source: Sampler) -> Split:
    """Train items down to `shots` a class, then val items down to min(shots, 4).

    Which items are drawn for a seed is fixed by the order here: train first, classes in order of
    their first item, one `sample` each. Test items stay as they are.
    """
    return {
        "train": _sample_classes(split["train"], shots, source),
        "val": _sample_classes(split["val"], min(shots, MAX_VAL_SHOTS), source),
        "test": split["test"],
    }


def _sample_classes(items: list[Item], shots: int, source: Sampler) -> list[Item]:
    """A class with fewer items than asked for gives all it has."""
    classes = group_by_label(items).values()
    drawn = (source.sample(own, shots) if len(own) >= shots else own for own in classes)
    return [item for own in drawn for item in own]


def fewer_images(items: list[Item], shots: int) -> str:
    """A sentence on classes with fewer training items than asked for; empty where none has."""
    counts = [len(own) for own in group_by_label(items).values()]
    few = sorted(count for count in counts if count < shots)
    if not few:
        return ""
    return (
        f"{len(few):,} of {len(counts):,} classes have fewer than {shots:,} images "
        f"({span(few[0], few[-1])}): all of theirs are used"
    )


def few_shots(split: Split, shots: int, seed: int, folders: Sequence[Path]) -> Split:
    """The sample of a seed, said in the log, and kept in the first folder that can be written,
    if there is one."""
    sample = choose_sample(split, shots, seed, folders)
    if sample.path:
        print(f"Loading preprocessed few-shot data from {sample.path}")
    else:
        print(f"Creating a {shots}-shot dataset")
    for remark in sample.remarks:
        print(remark)
    if sample.path is None or sample.path.suffix != ".json":
        _keep(sample.split | {"test": []}, _kept_names(split, shots, seed, folders))
    return sample.split


def choose_sample(split: Split, shots: int, seed: int, folders: Sequence[Path]) -> Sample:
    """The first stored sample that fits the split; where there is none, the one that is drawn."""
    drawn = sample_shots(split, shots, random.Random(seed))
    fitting: list[tuple[Path, Split]] = []
    remarks = []
    for path in _stored_files(split, shots, seed, folders):
        try:
            fitting.append((path, fitted(read_sample(path), split, drawn)))
        except (OSError, ValueError) as error:
            remarks.append(f"WARNING: {path} is not used: {error}")
    if not fitting:
        return Sample(drawn, None, remarks)
    (path, used), *others = fitting
    if used != drawn:
        same = all(sorted(used[part]) == sorted(drawn[part]) for part in PARTS[:2])
        order = ", but for the order" if same else ""
        remarks.append(f"{path} is {'' if same else 'not '}what seed {seed} would draw{order}")
    remarks += [
        f"WARNING: {other} holds another sample and is not used; remove {path} to use it"
        for other, sample in others
        if sample != used
    ]
    return Sample(used, path, remarks)


def stored_samples(folders: Sequence[Path]) -> list[tuple[int, int]]:
    """Pairs (shots, seed) that some file is there for."""
    names = (path.name for folder in folders for path in (folder / FOLDER).glob("shot_*"))
    found = (STORED.fullmatch(name) for name in names)
    return sorted({(int(match[1]), int(match[2])) for match in found if match})


def _kept_names(split: Split, shots: int, seed: int, folders: Sequence[Path]) -> list[Path]:
    """Our own files; the split's digest in the name keeps samples of another split apart."""
    name = f"shot_{shots}-seed_{seed}-{digest(split)[:12]}.json"
    return [folder / FOLDER / name for folder in folders]


def _stored_files(split: Split, shots: int, seed: int, folders: Sequence[Path]) -> Iterator[Path]:
    """Our own first, then those of the original programs."""
    foreign = (f"shot_{shots}-seed_{seed}.pkl", f"shot_{shots}-seed_{seed}_train.jsonl")
    paths = [folder / FOLDER / name for name in foreign for folder in folders]
    for path in dict.fromkeys((*_kept_names(split, shots, seed, folders), *paths)):
        if path.is_file():
            yield path


def _keep(sample: Split, paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            write_json(path, sample)
            print(f"Saving preprocessed few-shot data to {path}")
            return
    print(f"WARNING: the sample cannot be kept in {paths[-1].parent}, and is drawn anew each time")
