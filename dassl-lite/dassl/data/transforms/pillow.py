"""The steps of nearly every pipeline, by Pillow and torch alone.

Values and random numbers are those of torchvision's transforms of the same names, bit for bit, on
images of Pillow; torchvision takes seconds to import, and is asked only for what is not here.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
Size = tuple[int, int]  # height, width


class Compose:
    """One step after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image


class Resize:
    """To a size or, by a single number, the smaller edge to that."""

    def __init__(self, size: int | Sequence[int], interpolation: str = "bilinear") -> None:
        self.size, self.filter = size, FILTERS[interpolation]

    def __call__(self, image: Image.Image) -> Image.Image:
        if isinstance(self.size, int):
            shorter, longer = sorted(image.size)
            longer = int(self.size * longer / shorter)
            wide = image.width > image.height
            target = (longer, self.size) if wide else (self.size, longer)
        else:
            target = self.size[1], self.size[0]
        return image if target == image.size else image.resize(target, self.filter)


class CenterCrop:
    """The middle; an image that is too small has a black frame first."""

    def __init__(self, size: Sequence[int]) -> None:
        self.height, self.width = size

    def __call__(self, image: Image.Image) -> Image.Image:
        width, height = max(image.width, self.width), max(image.height, self.height)
        if (width, height) != image.size:
            framed = Image.new(image.mode, (width, height))
            framed.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
            image = framed
        left, top = round((width - self.width) / 2), round((height - self.height) / 2)
        return image.crop((left, top, left + self.width, top + self.height))


class RandomResizedCrop:
    """A part of the image, of random area and shape, brought to a size.

    Args:
        scale: the share of the image's area, from and to.
        ratio: width over height, from and to, its logarithm drawn evenly.
    """

    TRIES = 10

    def __init__(
        self,
        size: Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear",
    ) -> None:
        self.size, self.scale, self.ratio = tuple(size), scale, ratio
        self.filter = FILTERS[interpolation]

    def __call__(self, image: Image.Image) -> Image.Image:
        box = self.box(image.width, image.height)
        part, (height, width) = image.crop(box), self.size
        return part if part.size == (width, height) else part.resize((width, height), self.filter)

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom; the largest in the middle if no draw fits into the image."""
        logarithms = torch.log(torch.tensor(self.ratio))
        for _ in range(self.TRIES):
            area = width * height * torch.empty(1).uniform_(*self.scale).item()
            ratio = torch.exp(torch.empty(1).uniform_(*logarithms.tolist())).item()
            part_width, part_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < part_width <= width and 0 < part_height <= height:
                top = int(torch.randint(height - part_height + 1, (1,)))
                left = int(torch.randint(width - part_width + 1, (1,)))
                return left, top, left + part_width, top + part_height
        low, high = min(self.ratio), max(self.ratio)
        part_height = min(height, round(width / low)) if width / height < low else height
        part_width = min(width, round(height * high)) if width / height > high else width
        left, top = (width - part_width) // 2, (height - part_height) // 2
        return left, top, left + part_width, top + part_height


class RandomHorizontalFlip:
    """With probability `p`, left becomes right."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, image: Image.Image) -> Image.Image:
        flipped = torch.rand(1).item() < self.p
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flipped else image


class ToTensor:
    """(channels, height, width), of values from 0 to 1, of an image with 8 bits a channel."""

    def __call__(self, image: Image.Image) -> Tensor:
        pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
        if pixels.ndim == 2:  # one channel
            pixels = pixels[..., None]
        return pixels.permute(2, 0, 1).contiguous().to(torch.get_default_dtype()).div(255)


class Normalize:
    """Subtracts each channel's mean and divides by its deviation."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = mean, std

    def __call__(self, image: Tensor) -> Tensor:
        mean, std = (
            torch.tensor(values, dtype=image.dtype)[:, None, None]
            for values in (self.mean, self.std)
        )
        return (image - mean) / std
