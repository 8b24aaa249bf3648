"""Images from files, read ahead of their use."""

import contextlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from rpo.clip.preprocessing import Preprocessing

# The file of an image, or the image.
Source = Any
# Decoding releases Python's lock: threads are enough, and nothing is copied between processes.
THREADS = min(8, os.cpu_count() or 1)
# Kinds of files that Pillow knows by name, and writes alone or reads with another program alone.
NOT_READ = ("PDF", "PALM", "BUFR", "GRIB", "HDF5", "MPEG", "WMF")


def read_image(source: Source) -> Image.Image:
    """An image in RGB.

    Args:
        source: its file, or the image.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it is no image, damaged, or has so
            many pixels that it may be meant to exhaust the memory.
    """
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise ValueError("an image has {} x {} pixels".format(*source.size))
        return to_rgb(source)
    if not isinstance(source, (str, os.PathLike)):
        kind = type(source).__name__
        raise ValueError(f"an image is given as its file or by Pillow, and this is of type {kind}")
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"there is no image file {path}")
    try:
        with Image.open(path) as image:
            return to_rgb(image)
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path} has too many pixels: {error}") from error
    except Exception as error:  # decoders of damaged files may raise anything
        raise ValueError(f"{path} cannot be read as an image: {error}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Of grey in 16 bits the upper eight, where Pillow takes all above 255 for white.

    Raises:
        ValueError: it has floating-point numbers that Pillow would make black.
    """
    if image.mode == "F" and 0 < np.asarray(image).max() <= 1:
        raise ValueError("its numbers lie between 0 and 1, not 255, and would be black")
    pillow_calls_it_32 = image.mode == "I" and image.format in ("PPM", "PNG")
    if image.mode.startswith("I;16") or pillow_calls_it_32:
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGB")


Prepared = Tensor | Exception


def prepared(
    sources: Iterable[Source], preprocessing: Preprocessing, ahead: int = 64
) -> Iterator[tuple[Source, Prepared]]:
    """Every source in turn with (3, height, width), or with the error of `read_image`.

    Args:
        ahead: how many are decoded before they are asked for; no more than these are held.
    """

    def prepare(source: Source) -> Prepared:
        try:
            image = read_image(source)
        except (OSError, ValueError) as error:
            return error
        try:
            return preprocessing(image)
        except ValueError as error:
            named = f"{source}: " if isinstance(source, (str, os.PathLike)) else ""
            return ValueError(f"{named}{error}")

    waiting: deque[tuple[Source, Future[Prepared]]] = deque()
    with ThreadPoolExecutor(THREADS) as pool, contextlib.ExitStack() as stack:
        stack.callback(lambda: [future.cancel() for _, future in waiting])
        for source in sources:
            waiting.append((source, pool.submit(prepare, source)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()


def image_files(folder: Path) -> list[Path]:
    """Files below a folder that are called like images, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if is_image(path)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def is_image(path: Path) -> bool:
    """Whether a file is called like an image that Pillow reads by itself."""
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind is not None and kind not in NOT_READ
