"""Bundles: one tar of a protocol's runs, for others to verify and to compare with theirs.

It holds of each run results.json, predictions.npz, run.json, history.json and the parameters that
were tested, without the optimiser's state; and bundle.json, which says whose it is.
"""

import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rpo.datasets.tools.unpack import is_archive, unpack
from rpo.environment import installed_version
from rpo.files import write_with
from rpo.runs import HISTORY, PREDICTIONS, RESULTS, RUN, RunFolder, read_object

MANIFEST = "bundle.json"
VERSION = 1
SUFFIXES = (".tar", ".gz", ".tgz")
PACKED = (RESULTS, PREDICTIONS, RUN, HISTORY)
LARGEST = 20e9  # bytes that may come out of a bundle
# Where the bundles of this process are unpacked; the folders go when it ends.
_folders: dict[Path, tempfile.TemporaryDirectory[str]] = {}


class Entry(NamedTuple):
    """A file of a bundle."""

    name: str
    content: bytes


def entries(folders: Sequence[Path], slim: Callable[[Path], tuple[str, bytes]]) -> Iterator[Entry]:
    """The files of all runs in and below some folders, under names relative to what they share.

    Args:
        slim: from a model's folder to the name and content of the checkpoint that is tested.

    Raises:
        FileNotFoundError: a folder does not exist, or holds no results.json. ValueError: one is
            damaged.
    """
    roots = {folder.absolute(): folder for folder in folders}
    shared = Path(os.path.commonpath([root.parent for root in roots]))
    for root, typed in roots.items():
        if not any(root.rglob(RESULTS)):
            raise FileNotFoundError(f"there is no {RESULTS} in or below {typed}")
        for folder in run_folders(root):
            below = folder.relative_to(shared).as_posix()
            if (folder / RESULTS).is_file():
                read_object(folder / RESULTS)
            else:
                print(f"note: {folder} has no {RESULTS}: the run has not finished, or has lost it")
            for name in PACKED:
                if (folder / name).is_file():
                    yield Entry(f"{below}/{name}", (folder / name).read_bytes())
            for model in RunFolder(folder).models():
                name, content = slim(model)
                yield Entry(f"{below}/{model.name}/{name}", content)


def run_folders(root: Path) -> Iterator[Path]:
    """Every folder of a run, but for those that are being overwritten."""
    for name, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if RESULTS in files or RUN in files:
            yield Path(name)


def write_bundle(path: Path, name: str, files: Iterator[Entry]) -> int:
    """Writes a tar, compressed unless its name ends in .tar, whole or not at all.

    The same files give the same bytes in a .tar.

    Returns:
        How many runs are in it.

    Raises:
        FileExistsError: there is such a file, and it is no archive.
    """
    if path.is_file() and not is_archive(path):
        raise FileExistsError(f"{path} is no bundle: it is not overwritten. Name another file")
    runs = 0
    mode: Any = "w" if path.suffix == ".tar" else "w:gz"
    with write_with(path) as target, tarfile.open(target, mode) as archive:
        manifest = {"bundle": VERSION, "name": name, "rpo-clip": installed_version("rpo-clip")}
        _add(archive, MANIFEST, json.dumps(manifest, indent=2).encode())
        for entry in files:
            runs += entry.name.endswith(f"/{RESULTS}")
            _add(archive, entry.name, entry.content)
    return runs


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def opened(path: Path) -> Path:
    """The folder of a bundle's files, unpacked for as long as the process lives; else the path.

    Raises:
        ValueError: the archive is damaged, or none that `rpo bundle` wrote.
    """
    if not path.is_file() or not (path.suffix in SUFFIXES or is_archive(path)):
        return path
    scratch = tempfile.TemporaryDirectory(prefix="rpo-bundle-")
    folder = Path(scratch.name).resolve() / name_of_file(path)
    unpack(path, folder, LARGEST)
    manifest = read_object(folder / MANIFEST) if (folder / MANIFEST).is_file() else {}
    if manifest.get("bundle") != VERSION or not isinstance(manifest.get("name"), str):
        raise ValueError(f"{path} is no bundle that rpo bundle wrote: it has no {MANIFEST} of one")
    _folders[folder] = scratch
    return folder


def name_of_file(path: Path) -> str:
    """results of results.tar.gz."""
    return path.name.split(".tar")[0].removesuffix(".tgz")


def labelled(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Folders to be read, and whose runs they hold where there are bundles beside others.

    A bundle alone needs no name, nor does what was run here; two of one name are numbered.
    """
    folders = [opened(path) for path in paths]
    if len(folders) == 1 or not any(folder in _folders for folder in folders):
        return [(folder, "") for folder in folders]
    names = [read_object(each / MANIFEST)["name"] if each in _folders else "" for each in folders]
    before = [names[:index].count(name) for index, name in enumerate(names)]
    labels = [
        f"{name} {n + 1}" if name and n else name for name, n in zip(names, before, strict=True)
    ]
    return list(zip(folders, labels, strict=True))


def shown(path: Path) -> str:
    """A path as a reader knows it: in an opened bundle, below the bundle's name."""
    for folder in _folders:
        if path.is_relative_to(folder):
            return str(path.relative_to(folder.parent))
    return str(path)
