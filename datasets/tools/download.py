"""Downloading a file: resumable, with progress, verified, and there whole or not at all."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..facts import Download

CHUNK = 1 << 20
TIMEOUT = 60.0  # seconds without a byte
ATTEMPTS = 5  # in a row, without a byte gained
PAUSE = 1.0  # seconds, doubled each time
PASSING = (OSError, http.client.HTTPException)


class DownloadError(ValueError):
    """A file could not be fetched; the message says what can be done."""


def download(wanted: Download, folder: Path) -> Path:
    """The file in `folder`, fetched unless it is there already.

    What has arrived stays in `NAME.part` and is continued by the next call.

    Raises:
        DownloadError: from no address came a file with the right length and checksum.
    """
    target = folder / wanted.name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for address in wanted.addresses:
        part = folder / f"{wanted.name}.part"
        try:
            fetch(address, part)
            verify(part, wanted.md5, address)
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


def fetch(address: str, part: Path) -> None:
    """Appends to `part` until it is complete, over as many connections as that takes."""
    idle = 0
    while True:
        before = _size(part)
        try:
            if _receive(address, part):
                return
            error: Exception = DownloadError("the connection broke")
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500 and refusal.code != 429:
                raise DownloadError(f"{address} answers {refusal.code} {refusal.reason}") from None
            error = refusal
        except PASSING as passing:
            error = passing
        idle = 0 if _size(part) > before else idle + 1
        if idle == ATTEMPTS:
            raise DownloadError(f"{address}: {error}")
        time.sleep(PAUSE * 2 ** max(idle - 1, 0))


def _receive(address: str, part: Path) -> bool:
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
        return _append(answer, part, have if answer.status == 206 else 0, address)


def _append(answer: Any, part: Path, have: int, address: str) -> bool:
    if "text/html" in answer.headers.get("Content-Type", ""):
        raise DownloadError(f"{address} sends a web page instead of the file")
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length else None
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
                file.write(chunk)
                progress.update(len(chunk))
    return total is None or _size(part) == total


def verify(part: Path, md5: str, address: str) -> None:
    """Removes the file and raises DownloadError if its checksum is wrong."""
    if not md5 or checksum(part) == md5:
        return
    found = checksum(part)
    part.unlink()
    _tag(part).unlink(missing_ok=True)
    raise DownloadError(f"{address} has checksum {found} instead of {md5}; it was thrown away")


def checksum(path: Path) -> str:
    """MD5 of a file: what the datasets' authors publish."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tag(part: Path) -> Path:
    """Where the validator of a partial file is kept."""
    return part.with_name(f"{part.name}.tag")
