"""Downloading a file: resumable, with progress, verified, and there whole or not at all."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .facts import Download

CHUNK = 1 << 20
TIMEOUT = 60.0  # seconds without a byte
TRIES = 5  # in a row that bring less than CHUNK more than there has ever been
MOST_TRIES = 50  # of one address, whatever they bring
PAUSE = 1.0  # seconds, doubled each time
PASSING = (OSError, http.client.HTTPException)


class DownloadError(ValueError):
    """A file could not be fetched; the message says what can be done."""


def download(
    wanted: Download,
    folder: Path,
    validate: Callable[[Path], None] = lambda path: None,
    limit: float = float("inf"),
) -> Path:
    """The file in `folder`, fetched unless it is there already.

    What has arrived stays in `NAME.part` and is continued by the next call.

    Args:
        validate: raises ValueError for what is not the file, such as a login page.
        limit: bytes that the file may have.

    Raises:
        DownloadError: from no address came a file with the right length, checksum and content.
    """
    target = folder / wanted.name
    failures = []
    if target.is_file():
        try:
            verify(target, wanted, "an earlier download", validate)
            return target
        except DownloadError as error:
            print(error)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{wanted.name}.part"
    for address in wanted.addresses:
        try:
            fetch(address, part, limit)
            verify(part, wanted, address, validate)
        except DownloadError as error:
            failures.append(str(error))
            continue
        part.replace(target)
        _tag(part).unlink(missing_ok=True)
        return target
    raise DownloadError(
        f"{wanted.name} could not be fetched: {'; '.join(failures)}. Run the same command again "
        "to continue, or fetch the file otherwise and give it with --archive or --split"
    )


def fetch(address: str, part: Path, limit: float = float("inf")) -> None:
    """Appends to `part` until it is complete, over several connections if need be.

    Raises:
        DownloadError: it is refused, longer than `limit`, or too many connections broke.
    """
    most, idle = _size(part), 0
    for count in range(1, MOST_TRIES + 1):
        try:
            if _receive(address, part, limit):
                return
            reason = "the connection broke"
        except urllib.error.HTTPError as refusal:
            reason = f"{refusal.code} {refusal.reason}"
            if refusal.code < 500 and refusal.code != 429:
                raise DownloadError(f"{address} answers {reason}") from None
        except PASSING as error:
            reason = str(error) or type(error).__name__
        # Bytes that are lost when a server starts over are no progress.
        idle = 0 if _size(part) >= most + CHUNK else idle + 1
        most = max(most, _size(part))
        if idle == TRIES or count == MOST_TRIES:
            raise DownloadError(f"{address}: {reason}, {count} times in all")
        pause = PAUSE * 2 ** max(idle - 1, 0)
        print(f"{address}: {reason}; trying again in {pause:g} s", flush=True)
        time.sleep(pause)


def _receive(address: str, part: Path, limit: float) -> bool:
    """One connection; returns whether the file is complete."""
    have = _size(part) if _tag(part).is_file() else 0
    headers = {"User-Agent": "rpo"}
    if have:
        # If-Range: a file that has changed meanwhile is sent from its beginning.
        headers |= {"Range": f"bytes={have}-", "If-Range": _tag(part).read_text()}
    try:
        answer = urllib.request.urlopen(
            urllib.request.Request(address, headers=headers), timeout=TIMEOUT
        )
    except urllib.error.HTTPError as refusal:
        if refusal.code != 416:
            raise
        total = (refusal.headers.get("Content-Range") or "").rpartition("/")[2]
        if total == str(have):
            return True
        part.unlink()  # longer than the file: not the same one
        return False
    with answer:
        return _append(answer, part, have if answer.status == 206 else 0, limit)


def _append(answer: Any, part: Path, have: int, limit: float) -> bool:
    if "text/html" in answer.headers.get("Content-Type", ""):
        raise DownloadError(f"{answer.url} sends a web page instead of the file")
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else None
    tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
    with part.open("r+b" if have else "wb") as file:
        file.truncate(have)
        file.seek(have)
        if tag and not tag.startswith("W/"):
            _tag(part).write_text(tag)
        else:  # without a validator nothing can be continued safely
            _tag(part).unlink(missing_ok=True)
        with tqdm(total=total, initial=have, desc=part.stem, unit="B", unit_scale=True) as progress:
            while chunk := answer.read(CHUNK):
                have += len(chunk)
                if have > limit:
                    discard(part)
                    raise DownloadError(f"{answer.url} sends more than {limit / 1e9:.1f} GB")
                file.write(chunk)
                progress.update(len(chunk))
    return total is None or _size(part) == total


def verify(
    path: Path, wanted: Download, origin: str, validate: Callable[[Path], None] = lambda path: None
) -> None:
    """Removes the file and raises DownloadError if checksum or content is wrong."""
    found = checksum(path) if wanted.md5 else ""
    try:
        if found != wanted.md5:
            raise ValueError(f"{origin} has checksum {found} instead of {wanted.md5}")
        validate(path)
    except ValueError as error:
        discard(path)
        raise DownloadError(f"{error}; {wanted.name} from {origin} was removed") from error


def discard(path: Path) -> None:
    """Removes a file, complete or partial, and what is known of it."""
    path.unlink(missing_ok=True)
    _tag(path).unlink(missing_ok=True)


def checksum(path: Path) -> str:
    """MD5 of a file: what the datasets' authors publish."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag(part: Path) -> Path:
    """Where the validator of a partial file is kept."""
    return part.with_name(f"{part.name}.tag")
