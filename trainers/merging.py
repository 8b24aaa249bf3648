"""YAML files and KEY VALUE pairs into a configuration; what does not fit is named."""

import copy
import os
from ast import literal_eval
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

import rpo.configs
from rpo.configurations import STREAMS, WORKERS, check_pairs, flat
from rpo.suggest import unknown

from .keys import wanted


def merge_file(cfg: Any, path: str, kind: str, above: tuple[Path, ...] = ()) -> None:
    """Merges a YAML file, after the file that its key `_BASE_` names, if it has one.

    A file that names NUM_WORKERS alone, as those of the original programs do, means the random
    streams of so many workers, too.

    Args:
        above: the files that name this one as theirs.

    Raises:
        FileNotFoundError: names the file and its neighbours.
        ValueError: the file is no YAML file of keys and values, or a value cannot be its key's.
        KeyError: the file sets a key that does not exist; the nearest one is named.
    """
    file = Path(path)
    if not file.is_file():
        neighbours = [other.stem for other in file.parent.glob("*.yaml") if other.is_file()]
        known = unknown(kind, file.stem, neighbours) if neighbours else f"there is no {kind} {path}"
        raise FileNotFoundError(f"{known} (looked for {path})")
    if file.resolve() in above:
        raise ValueError(f"{file} is its own _BASE_, by way of {above[-1]}")
    content = read_yaml(file)
    if base := content.pop("_BASE_", None):
        below = _base_of(file, str(base))
        merge_file(cfg, str(below), kind, (*above, file.resolve()))
    keys = flat(content)
    if WORKERS in keys and STREAMS in flat(cfg):
        keys.setdefault(STREAMS, keys[WORKERS])
    merge(cfg, keys.items(), path)


def _base_of(file: Path, base: str) -> Path:
    """The file that `base` names from the folder of `file`. Folders of RPO_PATH are laid over ours,
    so that what is not there may be at the same place here.

    Raises:
        FileNotFoundError: there is none.
    """
    beside = file.parent / base
    absolute = Path(os.path.abspath(beside))
    roots = [Path(root).absolute() for root in rpo.configs.__path__]
    places = [absolute.relative_to(root) for root in roots if absolute.is_relative_to(root)]
    for found in (beside, *(root / place for place in places for root in roots)):
        if found.is_file():
            return found
    raise FileNotFoundError(
        f"{file} says _BASE_: {base}, but there is no {beside}. Name a file relative to its own "
        "folder, or leave _BASE_ out and copy the keys"
    )


def read_yaml(file: Path) -> dict[str, Any]:
    """The keys and values of a YAML file. Nothing else is read, as yacs runs a file in Python.

    Raises:
        ValueError: it is no such file; it is named.
    """
    if file.suffix not in (".yaml", ".yml"):
        raise ValueError(f"{file} is no YAML file: its name should end in .yaml")
    try:
        content = copy.deepcopy(_parsed(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds no keys and values")
    return content


@cache  # the jobs of a protocol share their files
def _parsed(text: str) -> Any:
    return yaml.safe_load(text)


def merge_options(cfg: Any, options: list[str], source: str = "the command line") -> None:
    """Merges trailing `KEY VALUE` pairs of a command line.

    Args:
        source: of the pairs, for messages.

    Raises:
        ValueError: a key without a value, or a value that the key cannot have. KeyError: no such
        key; the nearest one is named.
    """
    check_pairs(options)
    merge(cfg, zip(options[::2], options[1::2], strict=True), source)


def merge(cfg: Any, pairs: Iterable[tuple[str, Any]], source: str) -> None:
    """Merges values of full keys (OPTIM.LR).

    Args:
        source: of the pairs, for messages.

    Raises:
        ValueError: a value that the key cannot have, or for a group of keys. KeyError: no such key.
    """
    known = flat(cfg)
    for key, given in pairs:
        if key not in known:
            raise _no_key(key, known, source)
        *path, name = key.split(".")
        node = reduce(getitem, path, cfg)
        try:
            node[name] = _value(node[name], given)
        except TypeError:
            may_be = wanted(key, node[name])
            raise ValueError(f"{source}: {key} is {given!r}; it must be {may_be}") from None


def _value(old: Any, given: Any) -> Any:
    """What is given, in the type of the old value.

    A command line's text is read as Python's, yacs's way: (32, 32), True. A whole number is a fine
    float, and a folder may be called 2024.

    Raises:
        TypeError: it is of another type.
    """
    value = given
    if isinstance(given, str):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            value = literal_eval(given)
        if isinstance(old, str) and not isinstance(value, str):
            return given
    if isinstance(old, (tuple, list)) and isinstance(value, (tuple, list)):
        return type(old)(value)
    if isinstance(old, float) and type(value) is int:
        return float(value)
    if type(value) is not type(old):
        raise TypeError
    return value


def _no_key(key: str, known: Mapping[str, Any], source: str) -> Exception:
    if group := [each for each in known if each.startswith(f"{key}.")]:
        return ValueError(f"{source}: {key} holds keys, as {group[0]}, and takes no value")
    parent = key.rpartition(".")[0].lower()
    siblings = [each for each in known if each.lower().startswith(parent)]
    return KeyError(f"{source}: {unknown('key', key, siblings or known)}")
