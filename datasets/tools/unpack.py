"""Unpacking archives of others: only files and folders, all inside the target, and not too much."""

import errno
import lzma
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from tqdm import tqdm

from ..split import leads_out

JUNK = ("__MACOSX", ".DS_Store")
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)
# Faults of the disk and not of the archive.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
BLOCK = 4096  # bytes that even an empty file takes


class UnsafeArchiveError(ValueError):
    """An archive with an entry that has no business in a dataset."""


def is_archive(path: Path) -> bool:
    """Whether a file begins or ends as a zip or (compressed) tar does."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(archive: Path, folder: Path, limit: float = float("inf")) -> None:
    """Unpacks a zip or (compressed) tar below `folder`.

    Args:
        limit: bytes that may come out.

    Raises:
        UnsafeArchiveError: an entry leads out of the folder, is a link or device, or the archive
            holds more than `limit`.
        ValueError: the file is no archive, is damaged, or needs a password or another program.
    """
    try:
        if tarfile.is_tarfile(archive):  # first: a tar that ends with a zip looks like one, too
            _unpack_tar(archive, folder, limit)
        elif zipfile.is_zipfile(archive):
            _unpack_zip(archive, folder, limit)
        else:
            raise ValueError(f"{archive} is neither a zip nor a tar archive, or is cut off")
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno in DISK:
            raise
        raise ValueError(f"{archive} is damaged: {error}. Fetch it again") from error
    except NotImplementedError as error:
        raise ValueError(f"{archive}: {error}; pack it anew with another program") from error
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{archive}: {error.object!r} cannot be a file name in {sys.getfilesystemencoding()}, "
            "the encoding of this locale; fix: set PYTHONUTF8=1"
        ) from error


def _unpack_zip(archive: Path, folder: Path, limit: float) -> None:
    with zipfile.ZipFile(archive) as content:
        entries = content.infolist()
        size = sum(max(entry.file_size, BLOCK) for entry in entries)
        _refuse_size(archive, size, limit)
        free = shutil.disk_usage(folder).free if folder.exists() else size
        if size > free:
            room = f"{_gigabytes(size)} are needed to unpack {archive}, {_gigabytes(free)} are free"
            raise OSError(errno.ENOSPC, room, str(folder))
        for entry in tqdm(entries, desc=archive.name, unit="file", delay=1):
            kind = entry.external_attr >> 28  # upper bits of the Unix mode; 0 where there is none
            if kind not in (0, 4, 8):
                raise UnsafeArchiveError(f"{archive}: {entry.filename} is a link or device")
            if entry.flag_bits & 1:
                raise ValueError(
                    f"{archive} is encrypted; unpack it with its password and pack it without"
                )
            target = inside(folder, entry.filename, archive)
            if target and not entry.is_dir():
                with content.open(entry) as source:
                    _write(source, target)


def _unpack_tar(archive: Path, folder: Path, limit: float) -> None:
    size = 0
    with tarfile.open(archive) as content:
        for entry in tqdm(_members(content), desc=archive.name, unit="file", delay=1):
            size += max(entry.size, BLOCK)
            _refuse_size(archive, size, limit)
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


def _refuse_size(archive: Path, size: int, limit: float) -> None:
    if size > limit:
        raise UnsafeArchiveError(
            f"{archive} holds {_gigabytes(size)} or more, and the dataset should take less than "
            f"{_gigabytes(limit)}: it is another archive, or made to fill the disk"
        )


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def inside(folder: Path, name: str, archive: Path) -> Path | None:
    """Where an entry goes; None for what macOS adds to archives."""
    if leads_out(name):
        raise UnsafeArchiveError(f"{archive}: the entry {name!r} leads out of the folder")
    path = PurePosixPath(name)
    if any(part in JUNK or part.startswith("._") for part in path.parts):
        return None
    return folder / path


def _write(source: IO[bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(source, file)
