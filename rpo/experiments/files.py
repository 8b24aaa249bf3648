"""The YAML files that ship with the package or are a user's own, read into checked records."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

import rpo.configs
from rpo.suggest import unknown

Record = TypeVar("Record")


def names(kind: str) -> list[str]:
    """The names of the shipped protocols, presets, datasets or clusters."""
    return sorted(path.stem for path in shipped(f"{_folder(kind)}/*.yaml"))


def _folder(kind: str) -> str:
    return kind if kind == "cluster" else f"{kind}s"


def shipped(pattern: str) -> list[Path]:
    """The files of configs that fit a pattern, of this project first, then those of RPO_PATH."""
    return [path for root in rpo.configs.__path__ for path in sorted(Path(root).glob(pattern))]


def config_file(name: str) -> Path:
    """A file of configs, as trainers/RPO/main_K24.yaml; where there is none, its place here."""
    return next(iter(shipped(name)), Path(rpo.configs.__path__[0], name))


def find_config(kind: str, typed: str) -> str:
    """The file that is meant by a path, or by a name as EuroSAT's `eurosat` or `RPO/main_K24`.

    A path into configs/ is found from every working directory. A name that is not found becomes a
    file that would stand beside those that are there; a path stays as typed.

    Raises:
        FileNotFoundError: a name in a folder that is not there, as RPOO/main_K24.
    """
    if Path(typed).exists():
        return typed
    name = typed.removeprefix("configs/").removeprefix(f"{kind}s/").removesuffix(".yaml")
    if found := shipped(f"{kind}s/{name}.yaml"):
        return str(found[0])
    if typed.endswith(".yaml"):
        return typed
    folder, file = Path(name).parent, Path(name).name
    if beside := shipped(f"{kind}s/{folder}/*.yaml"):
        return str(beside[0].with_stem(file))
    if not (folders := [path.parent.name for path in shipped(f"{kind}s/*/*.yaml")]):
        return typed
    raise FileNotFoundError(unknown(f"folder of {kind} configs", str(folder), folders))


def check_names(kind: str, typed: Iterable[str], choices: Iterable[str]) -> None:
    """Raises ValueError for the first name that is not among the choices."""
    known = list(choices)
    for name in typed:
        if name not in known:
            raise ValueError(unknown(kind, name, known))


def find_own(kind: str, name: str) -> Path:
    """A shipped file of configs, or the path of a user's own that ends in .yaml.

    Raises:
        FileNotFoundError: there is none; the nearest name is given.
    """
    own = name.endswith((".yaml", ".yml"))
    path = Path(name) if own else config_file(f"{_folder(kind)}/{name}.yaml")
    if not path.is_file():
        raise FileNotFoundError(f"{unknown(kind, name, names(kind))}; or the path of a YAML file")
    return path


def read_content(kind: str, name: str) -> tuple[Path, dict[str, Any]]:
    """The file of a shipped protocol or preset, or of a path that ends in .yaml; and its content.

    Raises:
        FileNotFoundError: there is none; the nearest name is given. ValueError: it holds no keys.
    """
    path = find_own(kind, name)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no {kind}: it holds no keys")
    return path, content


def build(kind: type[Record], path: Path, content: Mapping[str, Any]) -> Record:
    """A record of the keys that a file gives.

    Raises:
        ValueError: a key is unknown or missing; it is named.
    """
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    for key in content:
        if key not in known:
            raise ValueError(f"{path}: {unknown('key', str(key), known)}")
    try:
        return kind(**content)
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from error
