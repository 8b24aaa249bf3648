"""Few-shot samples in files: ours, the pickles of CoOp, MaPLe and RPO, the jsonl of 2SFS."""

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rpo.files import parse_json, read_text

from ..split import PARTS, Item, Split, read_split

# A stored sample before it is compared with the split: part to (path, label).
Stored = dict[str, list[tuple[str, int]]]


def read_sample(path: Path) -> Stored:
    """A stored sample, by the suffix of its name."""
    readers: dict[str, Callable[[Path], Stored]] = {
        ".json": lambda path: {
            part: [item[:2] for item in items] for part, items in read_split(path).items()
        },
        ".pkl": _read_pickle,
        ".jsonl": _read_jsonl,
    }
    return readers[path.suffix](path)


class DatumUnpickler(pickle.Unpickler):
    """Rebuilds plain containers and empty stand-ins for Dassl's Datum; runs nothing of the file."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "Datum":
            return type("Datum", (), {})
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _read_pickle(path: Path) -> Stored:
    with path.open("rb") as file:
        try:
            content = DatumUnpickler(file).load()
            return {
                part: [_entry(vars(item)) for item in content.get(part, [])] for part in PARTS[:2]
            }
        except Exception as error:  # a damaged pickle can fail in any way
            raise ValueError(f"it is no pickle of Dassl's Datum alone: {error}") from error


def _read_jsonl(path: Path) -> Stored:
    val = path.with_name(path.name.replace("_train", "_val"))
    files = {"train": path} | ({"val": val} if val.is_file() else {})
    try:
        return {
            part: [_entry(parse_json(line)) for line in read_text(file).splitlines()]
            for part, file in files.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"a line is no JSON with _impath and _label: {error}") from error


def _entry(fields: Any) -> tuple[str, int]:
    path, label = fields["_impath"], fields["_label"]
    if not isinstance(path, str) or not isinstance(label, int):
        raise TypeError(f"{path!r} with label {label!r} is no image")
    return path.replace("\\", "/"), label


def fitted(stored: Stored, split: Split, drawn: Split) -> Split:
    """A stored sample as items of the split. Without val, that of the seed's draw.

    Raises:
        ValueError: an image is not in the same part of the split with the same label, or the
            numbers of images a class are others.
    """
    sample = {"test": split["test"]}
    for part in PARTS[:2]:
        if not stored.get(part) and part == "val":
            sample[part] = drawn[part]
            continue
        known = {item[0]: item for item in split[part]}
        sample[part] = [_item_of(path, label, known, part) for path, label in stored[part]]
        wanted, found = (Counter(item[1] for item in each[part]) for each in (drawn, sample))
        if wrong := sorted(label for label in wanted | found if wanted[label] != found[label]):
            label = wrong[0]
            raise ValueError(
                f"label {label} has {found[label]} images for {part} and not {wanted[label]}"
            )
        if len(set(sample[part])) != len(sample[part]):
            raise ValueError(f"an image stands twice in {part}")
    return sample


def _item_of(path: str, label: int, known: dict[str, Item], part: str) -> Item:
    """The split's item that the path, perhaps an absolute one of another machine, ends in."""
    parts = path.split("/")
    endings = ("/".join(parts[start:]) for start in range(len(parts)))
    item = next((known[ending] for ending in endings if ending in known), None)
    if item is None:
        raise ValueError(f"{path} is no image of the split's {part}")
    if item[1] != label:
        raise ValueError(f"{path} has label {label}, and {item[1]} in the split")
    return item
