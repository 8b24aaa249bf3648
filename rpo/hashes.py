"""SHA-256 of what a result is made of: files, plain data, tensors; and the seal of a record.

A seal has the hash of every part of a record, so that a part which was changed later is named. It
tells changes by hand or by accident; whoever computes the seal anew passes it, and is left to the
checks that compute the numbers themselves.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

SEAL = "seal"


def of_data(value: Any) -> str:
    """Of what JSON holds, whatever the order of its keys and its line breaks.

    Raises:
        ValueError: there is a number in it that is none.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()


def of_file(path: Path) -> str:
    """Of a file's content, which is read once as long as its size and time stay the same."""
    state = path.stat()
    return _of_file(path.absolute(), state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _of_file(path: Path, size: int, time: int) -> str:
    digest = sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def of_bytes(content: bytes) -> str:
    """Of these very bytes."""
    return sha256(content).hexdigest()


def of_tensors(tensors: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Of each tensor by name: of its shape and values, as float32 if they are no whole numbers."""
    return {name: _of_tensor(tensor) for name, tensor in tensors}


def _of_tensor(tensor: Any) -> str:
    plain = tensor.detach().cpu()
    values = (plain.float() if plain.is_floating_point() else plain).contiguous().numpy()
    return sha256(repr((values.dtype.str, values.shape)).encode() + values.tobytes()).hexdigest()


def of_sample(data: Mapping[str, Any]) -> str | None:
    """Of the few-shot list in `data` of results.json; None where there is none."""
    parts = {part: data[part] for part in ("train", "val") if part in data}
    return of_data(parts) if parts else None


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as JSON will hold it, with its seal."""
    plain = json.loads(json.dumps(record, allow_nan=False))
    return plain | {SEAL: {key: of_data(value) for key, value in plain.items()}}


def changed_parts(record: Mapping[str, Any]) -> list[str]:
    """The parts of a sealed record that are not what was sealed, those that were added too."""
    seal = record.get(SEAL)
    if not isinstance(seal, dict):
        return [SEAL]
    parts = {key: of_data(value) for key, value in record.items() if key != SEAL}
    return [key for key in {**parts, **seal} if parts.get(key) != seal.get(key)]
