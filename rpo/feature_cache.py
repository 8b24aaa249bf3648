"""Image features on disk: an image is encoded once for every method, seed and setting.

    <cache>/features/<space>/<view>/<SHA-256 of the content>.safetensors

A space is what features depend on besides the image: weights, precision, preprocessing. A view is
the plain image of a test, or one random crop. A file holds what one call encoded: a key for each
image, made from the content of its file, and its vector. Files are only ever added or removed as a
whole, so that any number of processes, also on several machines, can share the folder.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from rpo.files import cache_folder, write_bytes

# It rises when vectors are computed or stored in another way.
FORMAT = 1
# How many gigabytes are kept; beyond, what has not been used for the longest time goes.
LIMIT, DEFAULT_LIMIT = "RPO_FEATURES_GB", 20.0
KEY_BYTES = 16


def key_of(path: str | Path) -> bytes:
    """Of an image: it follows the file's content wherever that is moved or copied to."""
    return hashlib.sha256(Path(path).read_bytes()).digest()[:KEY_BYTES]


def limit_in_bytes() -> float:
    """What the cache may hold; 0: nothing is kept.

    Raises:
        ValueError: RPO_FEATURES_GB is no such number.
    """
    typed = os.environ.get(LIMIT) or str(DEFAULT_LIMIT)
    try:
        gigabytes = float(typed)
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < float("inf"):
        raise ValueError(f'{LIMIT} is "{typed}"; it must be a number of gigabytes, 0 or more')
    return gigabytes * 1e9


class FeatureCache:
    """The vectors of one space.

    Args:
        space: what the vectors depend on besides the image and its view, as JSON can hold it.
    """

    def __init__(self, space: Mapping[str, Any]) -> None:
        self.limit = limit_in_bytes()
        self.root = cache_folder() / "features"
        text = json.dumps({"format": FORMAT, **space}, sort_keys=True)
        self.folder = self.root / hashlib.sha256(text.encode()).hexdigest()[:16]

    def read(self, view: str, keys: Sequence[bytes]) -> dict[bytes, Tensor]:
        """The vectors (width,) that are there of those asked for; a damaged file is removed."""
        missing, found = set(keys), dict[bytes, Tensor]()
        for path in sorted((self.folder / view).glob("*.safetensors")):
            if not missing:
                break
            new = _read_file(path, missing)
            found |= new
            missing -= new.keys()
        return found

    def write(self, view: str, keys: Sequence[bytes], vectors: Tensor) -> None:
        """Adds vectors (images, width); where that fails, a line says so and nothing is kept."""
        if not self.limit:
            return
        stacked = torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8)
        tensors = {"keys": stacked.reshape(-1, KEY_BYTES), "vectors": vectors.cpu().contiguous()}
        content = save(tensors)
        try:
            write_bytes(self.folder / view / f"{_digest(content)}.safetensors", content)
            _trim(self.root, self.limit)
        except OSError as error:
            print(f"WARNING: the encoded images are not kept for the next run: {error}")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _read_file(path: Path, wanted: set[bytes]) -> dict[bytes, Tensor]:
    """The wanted vectors in a file. All of it is checked before any of it is used."""
    try:
        with safe_open(path, "pt") as file:
            keys = [bytes(row) for row in file.get_tensor("keys").numpy()]
        rows = {key: row for row, key in enumerate(keys) if key in wanted}
        if not rows:
            return {}
        content = path.read_bytes()
        if _digest(content) != path.stem:
            raise SafetensorError("its content is not what its name says")
        vectors = load(content)["vectors"]
        os.utime(path)  # it was used
        return {key: vectors[row] for key, row in rows.items()}
    except FileNotFoundError:  # another process made room
        return {}
    except (SafetensorError, OSError) as error:
        print(f"{path} is damaged and is made anew: {error}")
        path.unlink(missing_ok=True)
        return {}


def _trim(root: Path, limit: float) -> None:
    """Removes what was not used for the longest time, until the rest fits."""
    files = []
    for path in root.rglob("*"):
        try:
            if path.is_file():
                files.append((path.stat().st_mtime, path.stat().st_size, path))
        except FileNotFoundError:
            continue
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            return
        path.unlink(missing_ok=True)
        total -= size
