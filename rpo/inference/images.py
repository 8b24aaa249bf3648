"""Images as a backbone wants them, with Pillow and PyTorch alone, bit for bit as torchvision's."""

import contextlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

# The file of an image, or the image.
Source = Any
# Decoding releases Python's lock: threads are enough, and nothing is copied between processes.
THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Preprocessing:
    """The smaller edge is resized, the centre cropped, the channels normalised.

    Attributes:
        size: height and width, in pixels.
        mean, std: of each channel, of values between 0 and 1.
        interpolation: bicubic, bilinear or nearest.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Preprocessing":
        """Of plain data, with lists for tuples; raises ValueError where that is something else."""
        try:
            size, mean, std = (tuple(content[name]) for name in ("size", "mean", "std"))
            interpolation = str(content["interpolation"])
            Image.Resampling[interpolation.upper()]
            if (len(size), len(mean), len(std)) != (2, 3, 3) or not all(size) or not all(std):
                raise ValueError("two sizes and three channels are needed")
            return cls(size, mean, std, interpolation)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"preprocessing is {content!r}: {error}") from error

    def __call__(self, image: Image.Image) -> Tensor:
        """(3, height, width) in float32 of an image in RGB."""
        pixels = torch.frombuffer(bytearray(self.cropped(image).tobytes()), dtype=torch.uint8)
        values = pixels.view(*self.size, 3).permute(2, 0, 1).contiguous().float().div(255)
        mean, std = (torch.tensor(channels)[:, None, None] for channels in (self.mean, self.std))
        return (values - mean) / std

    def cropped(self, image: Image.Image) -> Image.Image:
        """The resized image's centre."""
        edge, (height, width) = max(self.size), self.size
        if image.width <= image.height:
            resized = edge, int(edge * image.height / image.width)
        else:
            resized = int(edge * image.width / image.height), edge
        image = image.resize(resized, Image.Resampling[self.interpolation.upper()])
        left, top = round((image.width - width) / 2.0), round((image.height - height) / 2.0)
        return image.crop((left, top, left + width, top + height))


def read_image(source: Source) -> Image.Image:
    """An image in RGB.

    Args:
        source: its file, or the image.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it is no image, damaged, or has so
            many pixels that it may be meant to exhaust the memory.
    """
    if isinstance(source, Image.Image):
        return source.convert("RGB")
    if not isinstance(source, (str, os.PathLike)):
        kind = type(source).__name__
        raise ValueError(f"an image is given as its file or by Pillow, and this is of type {kind}")
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"there is no image file {path}")
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path} has too many pixels: {error}") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error


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
            return preprocessing(read_image(source))
        except (OSError, ValueError) as error:
            return error

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
    extensions = Image.registered_extensions()
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in extensions
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
