"""Decoding every image of a dataset, to know before training which cannot be read."""

import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dassl.utils import read_image
from dassl.utils.tools import has_16_bits
from PIL import Image
from tqdm import tqdm

EXIF_ORIENTATION = 274
# How the mode of a file is called in a report; all are read as RGB.
MODES = {
    "1": "black and white, read as RGB",
    "L": "greyscale, read as RGB",
    "LA": "greyscale with transparency, which is dropped",
    "P": "of a palette, read as RGB",
    "PA": "of a palette with transparency, which is dropped",
    "RGBA": "with transparency, which is dropped",
    "CMYK": "CMYK, read as RGB",
    "I;16": "16-bit greyscale, read by its upper eight bits; the original program cuts off all "
    "values above 255",
    "I": "32-bit greyscale, whose values above 255 Pillow cuts off, as in the original program",
    "F": "floating-point numbers, cut off at 0 and 255 by Pillow, as in the original program",
}


@dataclass
class Decoded:
    """What decoding found: files that cannot be read, with the reason, and unusual ones by kind."""

    unreadable: list[str] = field(default_factory=list)
    unusual: dict[str, list[str]] = field(default_factory=dict)


def decode_all(paths: list[Path]) -> Decoded:
    """Decodes images as training does, in parallel (Pillow decodes outside Python's lock)."""
    report = Decoded()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        results = threads.map(_decode, paths)
        for path, (error, kinds) in zip(
            paths, tqdm(results, total=len(paths), desc="decoding", unit="image"), strict=True
        ):
            if error:
                report.unreadable.append(error)
            for kind in kinds:
                report.unusual.setdefault(kind, []).append(str(path))
    return report


def _decode(path: Path) -> tuple[str, list[str]]:
    """The reason why an image cannot be read, or what is unusual about it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read_image(str(path))
            with Image.open(path) as image:
                return "", list(_unusual(path, image))
    except (OSError, ValueError) as error:
        return str(error), []


def _unusual(path: Path, image: Image.Image) -> Iterable[str]:
    mode = "I;16" if has_16_bits(image) else image.mode
    if mode in MODES:
        yield MODES[mode]
    if image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        yield "stored rotated; the EXIF rotation is not applied, as in the original program"
    if Image.registered_extensions().get(path.suffix.lower()) not in (image.format, None):
        yield f"{image.format} files called {path.suffix}, which is no hindrance"
