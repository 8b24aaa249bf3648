"""What everything around a method needs to know of it: how it is listed, drawn and run.

A method's class states its traits in literals, so that a report reads them from the source without
importing PyTorch.
"""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import rpo.methods
from rpo.own_source import files_in

# What a folder of RPO_PATH may have.
PARTS = ("methods", "trainers", "datasets", "configs")
# What matplotlib knows by one letter.
MARKERS = (*".,ov^<>12348spP*hH+xXDd|_",)


@dataclass(frozen=True)
class Traits:
    """Of one method.

    Attributes:
        order: its place in tables and figures, rising.
        colour: of its lines and bars, as "#d55e00".
        marker: of its points, as matplotlib calls it.
        folder: its folder below output/ and scripts/.
        learns: whether there is anything to train, and so shots and seed.
        names_new_classes: whether it can be evaluated on classes that it was not trained on.
        features_only: whether CLIP's own image features are all that it sees of an image.
        mean_of_harmonic: whether its paper averages the harmonic means of seeds and datasets; the
            others print the harmonic mean of averages.
    """

    order: int
    colour: str
    marker: str
    folder: str
    learns: bool = True
    names_new_classes: bool = True
    features_only: bool = False
    mean_of_harmonic: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for what no table or figure could use."""
        if not isinstance(self.order, (int, float)):
            raise ValueError(f"order is {self.order!r}; it is a number")
        if not re.fullmatch("#[0-9a-fA-F]{6}", str(self.colour)):
            raise ValueError(f'colour is {self.colour!r}; it is written as "#d55e00"')
        if str(self.marker) not in MARKERS:
            raise ValueError(f"marker is {self.marker!r}; it can be {', '.join(MARKERS)}")
        if not re.fullmatch(r"[\w.-]+", str(self.folder)):
            raise ValueError(f"folder is {self.folder!r}; it is the name of one")


@functools.cache
def known_traits() -> Mapping[str, Traits]:
    """Every method's name and traits, in their order.

    Raises:
        ValueError: two methods have one name, or would write to one folder.
    """
    found = list(_all_stated())
    folders: dict[str, str] = {}
    files: dict[str, Path] = {}
    for file, name, traits in found:
        if (first := files.setdefault(name, file)) != file:
            raise ValueError(f"{file}: there is a method {name} already, in {first}")
        if (other := folders.setdefault(traits.folder, name)) != name:
            raise ValueError(
                f"{file}: the folder of {name} is {traits.folder!r}, which is that of {other}: "
                "each method has its own"
            )
    named = ((name, traits) for _, name, traits in found)
    return dict(sorted(named, key=lambda pair: pair[1].order))


def not_installed(method: str, source: str | Path) -> str:
    """The message for a file of a method that is not known here."""
    return (
        f"{source} is of the method {method!r}, which is not installed here: RPO_PATH should name "
        "the folder that it is in"
    )


@functools.cache
def known_modules() -> Mapping[str, str]:
    """Every method's name and the module that defines it."""
    return {name: f"{rpo.methods.__name__}.{file.stem}" for file, name, _ in _all_stated()}


def _all_stated() -> Iterator[tuple[Path, str, Traits]]:
    """Of every file of methods.

    Raises:
        FileNotFoundError: a folder of RPO_PATH is not there, or has none of the folders that count.
        ValueError: two files have one name, of which Python would import the first alone.
    """
    for place in map(Path, rpo.__path__):
        if not place.is_dir():
            raise FileNotFoundError(f"RPO_PATH names {place}, and there is no such folder")
        if not any((place / name).is_dir() for name in PARTS):
            raise FileNotFoundError(
                f"RPO_PATH names {place}, which has none of the folders {', '.join(PARTS)}"
            )
    for file in files_in(rpo.methods.__path__):
        yield from ((file, *pair) for pair in _stated_traits(file))


def _stated_traits(file: Path) -> Iterator[tuple[str, Traits]]:
    """Class names and `traits = Traits(...)` in a file.

    Raises:
        ValueError: it is no Python, or the traits are not stated so.
    """
    try:
        nodes = ast.parse(file.read_text(encoding="utf-8"), str(file)).body
    except SyntaxError as error:
        raise ValueError(f"{file}, line {error.lineno}, is no Python: {error.msg}") from error
    for node in (each for each in nodes if isinstance(each, ast.ClassDef)):
        for statement in node.body:
            match statement:
                case ast.Assign([ast.Name("traits")], value) | ast.AnnAssign(
                    ast.Name("traits"), _, ast.expr() as value
                ):
                    try:
                        yield node.name, _read(value)
                    except (TypeError, ValueError) as error:
                        place = f"{file}, line {statement.lineno}"
                        raise ValueError(f"{place}, traits of {node.name}: {error}") from error


def _read(value: ast.expr) -> Traits:
    """The traits that an expression states.

    Raises:
        ValueError, TypeError: it does not, in literals; or no table could use them.
    """
    match value:
        case ast.Call(ast.Name("Traits") | ast.Attribute(attr="Traits"), [], keywords):
            pass
        case _:
            said = ast.unparse(value)
            raise ValueError(f"{said} is not Traits(order=..., colour=..., ...), each by its name")
    found = {}
    for keyword in keywords:
        try:
            found[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError as error:
            said = ast.unparse(keyword.value)
            raise ValueError(f"{keyword.arg} is {said}, which is no literal") from error
    return Traits(**found)
