"""Unpacking archives of others: only files and folders, all inside the target."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from tqdm import tqdm

JUNK = ("__MACOSX", ".DS_Store")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError)


class UnsafeArchiveError(ValueError):
    """An archive with an entry that has no business in a dataset."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a zip or (compressed) tar below `folder`.

    Raises:
        UnsafeArchiveError: an entry leads out of the folder, or is a link or device.
        ValueError: the file is no archive, or is damaged.
    """
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, folder)
        elif tarfile.is_tarfile(archive):
            _unpack_tar(archive, folder)
        else:
            raise ValueError(f"{archive} is neither a zip nor a tar archive, or is cut off")
    except BROKEN as error:
        raise ValueError(f"{archive} is damaged: {error}. Fetch it again") from error


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as content:
        for entry in tqdm(content.infolist(), desc=archive.name, unit="file"):
            kind = entry.external_attr >> 28  # upper bits of the Unix mode; 0 where there is none
            if kind not in (0, 4, 8):
                raise UnsafeArchiveError(f"{archive}: {entry.filename} is a link or device")
            target = inside(folder, entry.filename, archive)
            if target and not entry.is_dir():
                with content.open(entry) as source:
                    _write(source, target)


def _unpack_tar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as content:
        for entry in tqdm(_members(content), desc=archive.name, unit="file"):
            target = inside(folder, entry.name, archive)
            if entry.isdir() or target is None:
                continue
            source = content.extractfile(entry) if entry.isfile() else None
            if source is None:
                raise UnsafeArchiveError(f"{archive}: {entry.name} is a link or device")
            with source:
                _write(source, target)


def _members(content: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    """One by one: listing a compressed archive first would read it twice."""
    while entry := content.next():
        yield entry


def inside(folder: Path, name: str, archive: Path) -> Path | None:
    """Where an entry goes; None for what macOS adds to archives."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive or "\\" in name:
        raise UnsafeArchiveError(f"{archive}: the entry {name!r} leads out of the folder")
    if any(part in JUNK or part.startswith("._") for part in path.parts):
        return None
    return folder / path


def _write(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
