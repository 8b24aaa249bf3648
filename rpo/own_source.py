"""The source of methods of one's own, in folders of RPO_PATH: it may change under their runs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from rpo.hashes import of_data, of_file


def folders() -> list[Path]:
    """Those that RPO_PATH names."""
    return [Path(each) for each in os.environ.get("RPO_PATH", "").split(os.pathsep) if each]


def is_own(file: str | Path) -> bool:
    """Whether it stands below one of them."""
    return any(folder.absolute() in Path(file).absolute().parents for folder in folders())


def files_in(folders: Iterable[str | Path]) -> list[Path]:
    """The Python files of some folders, which are one package.

    Raises:
        ValueError: two files have one name, of which Python would import the first alone.
    """
    first: dict[str, Path] = {}
    for file in (file for folder in folders for file in sorted(Path(folder).glob("*.py"))):
        other = first.setdefault(file.name, file)
        if other.resolve() != file.resolve() and file.name != "__init__.py":
            raise ValueError(f"{file} would never be imported, for {other}: rename it")
    return list(first.values())


def files_of(trainer: type) -> list[Path]:
    """One's own files that define a trainer and its method, what they inherit from included."""
    classes = {*trainer.__mro__, *getattr(trainer, "method", object).__mro__}
    modules = {sys.modules.get(each.__module__) for each in classes}
    files = {getattr(module, "__file__", None) for module in modules}
    return sorted(Path(file) for file in files if file and is_own(file))


def source_of(trainer: type) -> str | None:
    """SHA-256 of these files; None where there are none, as for our methods."""
    files = files_of(trainer)
    return of_data([of_file(file) for file in files]) if files else None


def say_changed(trainer: type, runs: str) -> None:
    """The warning, on the standard error, of `runs` that were begun with another source."""
    files = ", ".join(map(str, files_of(trainer)))
    print(
        f"warning: {runs} begun with another source of {trainer.__name__} than there is now in "
        f"{files}: --overwrite trains anew",
        file=sys.stderr,
    )
