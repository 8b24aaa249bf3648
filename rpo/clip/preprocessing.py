"""Images as a backbone wants them, with Pillow and PyTorch alone, bit for bit as torchvision's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

SHORTEST, SQUASH = "shortest", "squash"
# Pixels of a resized image, before it is cropped: as many as Pillow decodes without a warning.
LARGEST = 90_000_000


@dataclass(frozen=True)
class Preprocessing:
    """Resized, the centre cropped, the channels normalised.

    Attributes:
        size: height and width, in pixels.
        mean, std: of each channel, of values between 0 and 1.
        interpolation: bicubic, bilinear or nearest.
        resize: the shortest edge to the size, as CLIP; or squash, both edges, as SigLIP.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    resize: str = SHORTEST

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Preprocessing":
        """Of plain data, with lists for tuples; raises ValueError where that is something else."""
        try:
            size, mean, std = (tuple(content[name]) for name in ("size", "mean", "std"))
            interpolation, resize = str(content["interpolation"]), content.get("resize", SHORTEST)
            Image.Resampling[interpolation.upper()]
            if (len(size), len(mean), len(std)) != (2, 3, 3) or not all(size) or not all(std):
                raise ValueError("two sizes and three channels are needed")
            if resize not in (SHORTEST, SQUASH):
                raise ValueError(f"resize is {SHORTEST} or {SQUASH}")
            return cls(size, mean, std, interpolation, resize)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"preprocessing is {content!r}: {error}") from error

    def __call__(self, image: Image.Image) -> Tensor:
        """(3, height, width) in float32 of an image in RGB."""
        pixels = torch.frombuffer(bytearray(self.resized(image).tobytes()), dtype=torch.uint8)
        values = pixels.view(*self.size, 3).permute(2, 0, 1).contiguous().float().div(255)
        mean, std = (torch.tensor(channels)[:, None, None] for channels in (self.mean, self.std))
        return (values - mean) / std

    def resized(self, image: Image.Image) -> Image.Image:
        """Of the size, whatever shape the image has.

        Raises:
            ValueError: it is so thin that its resized form would exhaust the memory.
        """
        filtering = Image.Resampling[self.interpolation.upper()]
        height, width = self.size
        if self.resize == SQUASH:
            return image.resize((width, height), filtering)
        edge = max(self.size)
        if image.width <= image.height:
            larger = edge, int(edge * image.height / image.width)
        else:
            larger = int(edge * image.width / image.height), edge
        if larger[0] * larger[1] > LARGEST:
            raise ValueError(
                f"an image of {image.width} x {image.height} pixels is too thin: with {edge} on "
                f"its shorter side it would have {larger[0] * larger[1]:,}"
            )
        image = image.resize(larger, filtering)
        left, top = round((image.width - width) / 2.0), round((image.height - height) / 2.0)
        return image.crop((left, top, left + width, top + height))
