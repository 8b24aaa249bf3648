"""What a protocol calls a dataset: a file of configs/datasets, or a user's own images."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import yaml

from rpo.suggest import unknown

from .files import config_file, names


class Source(NamedTuple):
    """A dataset as `rpo train` is told of it.

    Attributes:
        name: its output folder.
        title: as papers write it.
        options: KEY VALUE pairs that point at a user's own images.
    """

    name: str
    title: str
    config: Path
    options: tuple[str, ...] = ()


def find_source(typed: str) -> Source:
    """The dataset of a name, or of a folder or CSV of images.

    Raises:
        ValueError: there is neither; the nearest name is given.
    """
    path = Path(typed)
    if typed not in names("dataset") and (path.is_dir() or path.suffix == ".csv"):
        return _own_images(path.resolve())
    if typed not in names("dataset"):
        raise ValueError(no_dataset(typed, names("dataset")))
    config = config_file(f"datasets/{typed}.yaml")
    title = yaml.safe_load(config.read_text(encoding="utf-8"))["DATASET"]["NAME"]
    return Source(typed, title, config)


def no_dataset(typed: str, choices: Iterable[str]) -> str:
    """One sentence for what is neither the name of a dataset nor images of one's own."""
    state = "is neither" if Path(typed).exists() else "does not exist"
    own = f"or a folder of class folders, or a CSV of path,label; {typed} {state}"
    return f"{unknown('dataset', typed, choices)}; {own}"


def _own_images(path: Path) -> Source:
    key = "DATASET.FOLDER" if path.is_dir() else "DATASET.CSV"
    name = path.name.removesuffix(".csv")
    return Source(name, name, config_file("datasets/imagefolder.yaml"), (key, str(path)))
