"""Small helpers: files that appear whole, folders, JSON, images, seeds and random states."""

import functools
import importlib.metadata
import json
import os
import random
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield a temporary path beside `path`; what was written there becomes `path` at the end.

    When the body raises, `path` stays as it was and the temporary file is removed.
    """
    temporary = f"{os.fspath(path)}.{os.getpid()}.part"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        error.filename = error.filename or os.fspath(path)  # a full disk names no file
        raise
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def mkdir_if_missing(dirname: str) -> None:
    """Create the folder `dirname` and its parents, if they are not there."""
    if dirname:
        os.makedirs(dirname, exist_ok=True)


def check_isfile(fpath: str) -> bool:
    """Return whether `fpath` is a file; warn if not."""
    is_file = os.path.isfile(fpath)
    if not is_file:
        warnings.warn(f'No file found at "{fpath}"', stacklevel=2)
    return is_file


def listdir_nohidden(path: str, sort: bool = True) -> list[str]:
    """Return the names in the folder `path` without those that start with a dot.

    They are always sorted: the order of a file system must never decide a random split.
    `sort` is there because callers pass it.
    """
    return sorted(name for name in os.listdir(path) if not name.startswith("."))


def read_json(fpath: str) -> Any:
    """Return the content of the JSON file `fpath`."""
    with open(fpath, encoding="utf-8") as file:
        return json.load(file)


def write_json(obj: Any, fpath: str) -> None:
    """Write `obj` to the JSON file `fpath`, whole or not at all; missing folders are made."""
    mkdir_if_missing(os.path.dirname(fpath))
    with atomic_path(fpath) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(obj, file, indent=4, separators=(",", ": "))


def read_image(path: str) -> Image.Image:
    """Return the image file at `path` in RGB; of grey in 16 bits the upper eight.

    Pillow's own conversion would take all values above 255 for white.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be decoded as an image, or would be all black.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'No image file at "{path}"')
    try:
        with Image.open(path) as image:
            if has_16_bits(image):
                return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
            if image.mode == "F" and 0 < np.asarray(image).max() <= 1:
                raise ValueError("its numbers lie between 0 and 1, not 255, and would be black")
            return image.convert("RGB")
    except Exception as error:  # a damaged file makes Pillow raise errors of all sorts
        raise ValueError(f'Cannot read the image "{path}": {error}') from error


def has_16_bits(image: Image.Image) -> bool:
    """Whether it is grey in 16 bits; of PGM, and in older versions of PNG, Pillow calls it I."""
    return image.mode.startswith("I;16") or image.mode == "I" and image.format in ("PPM", "PNG")


def set_random_seed(seed: int) -> None:
    """Seed random, numpy, torch and torch.cuda. Zero is a seed like any other."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


@functools.cache  # slow: it starts programs to ask for drivers and the like
def collect_env_info() -> str:
    """Return versions of torch, CUDA, Python and Pillow as text for a log."""
    from torch.utils import collect_env

    run = collect_env.run
    try:
        collect_env.run = functools.partial(_without_pip, run)
        return f"{collect_env.get_pretty_env_info()}\n        Pillow ({PIL.__version__})"
    finally:
        collect_env.run = run


def _without_pip(run: Callable[..., Any], command: Any) -> Any:
    """PyTorch's `run`, but for `pip list`, which takes half a second to say what Python knows."""
    if not isinstance(command, list) or command[1:] != ["-mpip", "list", "--format=freeze"]:
        return run(command)
    # Each asking of a distribution reads its file anew.
    every = [each.metadata for each in importlib.metadata.distributions()]
    found = {each["Name"]: each["Version"] for each in reversed(every)}
    names = sorted(found, key=lambda name: re.sub("[-_.]+", "-", name).lower())
    return 0, "\n".join(f"{name}=={found[name]}" for name in names), ""


def tolist_if_not(value: Any) -> list[Any]:
    """Return `value` if it is a list, else a list that holds just it."""
    return value if isinstance(value, list) else [value]


def capture_random_state() -> dict[str, Any]:
    """Return the states of random, numpy, torch and torch.cuda as tensors, lists and numbers."""
    version, words, gauss = random.getstate()
    name, keys, *position = np.random.get_state()
    return {
        "random": [version, list(words), gauss],
        "numpy": [name, [int(key) for key in keys], *position],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put all generators back to what `capture_random_state` returned.

    The CUDA states are used only on a machine with as many devices as they were taken from.
    """
    version, words, gauss = state["random"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *position = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *position))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
