"""Image transforms: those that torchvision does not have, all by name, and the pipelines.

torchvision is imported for the transforms that are neither here nor in `pillow.py`.

A configuration says which transforms to apply, never in which order: that is the order of the
tables here.
"""

import importlib
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from dassl.data.transforms import pillow
from dassl.utils import check_availability

Step = tuple[Any, str]  # the transform, and what the log says of it


class Random2DTranslation:
    """With probability `p`, cuts the image out of one that is an eighth larger."""

    def __init__(
        self,
        height: int,
        width: int,
        p: float = 0.5,
        interpolation: Any = "bilinear",
    ) -> None:
        """Args: interpolation: a name, or one of torchvision's modes."""
        self.height, self.width, self.p = height, width, p
        self.interpolation = pillow.FILTERS[getattr(interpolation, "value", interpolation)]

    def __call__(self, img: Image.Image) -> Image.Image:
        if random.uniform(0, 1) > self.p:
            return img.resize((self.width, self.height), self.interpolation)
        larger = round(self.width * 1.125), round(self.height * 1.125)
        left = round(random.uniform(0, larger[0] - self.width))
        top = round(random.uniform(0, larger[1] - self.height))
        box = (left, top, left + self.width, top + self.height)
        return img.resize(larger, self.interpolation).crop(box)


class Cutout:
    """Sets `n_holes` squares with sides of `length` pixels to zero; they may reach outside.

    Takes and returns (channels, height, width). Draws from numpy's global stream, as Dassl's.
    """

    def __init__(self, n_holes: int = 1, length: int = 16) -> None:
        self.n_holes = n_holes
        self.length = length

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        _, height, width = img.shape
        img = img.clone()
        for _ in range(self.n_holes):
            rows = self._side(height)
            columns = self._side(width)
            img[:, rows, columns] = 0
        return img

    def _side(self, size: int) -> slice:
        centre = int(np.random.randint(size))
        return slice(max(centre - self.length // 2, 0), max(centre + self.length // 2, 0))


class GaussianNoise:
    """Adds noise to every pixel, with probability `p`."""

    def __init__(self, mean: float = 0.0, std: float = 0.15, p: float = 0.5) -> None:
        self.mean = mean
        self.std = std
        self.p = p

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        if random.uniform(0, 1) > self.p:
            return img
        return img + (torch.randn(img.shape) * self.std + self.mean)


class InstanceNormalization:
    """Gives each channel of the image mean 0 and standard deviation 1."""

    def __init__(self, eps: float = 1e-8) -> None:
        self.eps = eps

    def __call__(self, img: torch.Tensor) -> torch.Tensor:
        std, mean = torch.std_mean(img, dim=(1, 2), keepdim=True)
        return (img - mean) / (std + self.eps)


def __getattr__(name: str) -> Any:
    """`INTERPOLATION_MODES`, as Dassl has them: names to torchvision's modes."""
    if name != "INTERPOLATION_MODES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return {each: _torchvision().InterpolationMode(each) for each in pillow.FILTERS}


def _torchvision() -> Any:
    return importlib.import_module("torchvision.transforms")


def interpolation(cfg: Any) -> str:
    """Return INPUT.INTERPOLATION; raise `UnknownNameError` if there is no such."""
    check_availability(cfg.INTERPOLATION, pillow.FILTERS, kind="interpolation")
    return cfg.INTERPOLATION


def _random_translation(cfg: Any) -> Step:
    height, width = cfg.SIZE
    moved = Random2DTranslation(height, width, interpolation=interpolation(cfg))
    return moved, "random translation"


def _random_crop(cfg: Any) -> Step:
    crop = _torchvision().RandomCrop(cfg.SIZE, padding=cfg.CROP_PADDING)
    return crop, f"random crop (padding = {cfg.CROP_PADDING})"


def _random_resized_crop(cfg: Any) -> Step:
    crop = pillow.RandomResizedCrop(
        cfg.SIZE, scale=cfg.RRCROP_SCALE, interpolation=interpolation(cfg)
    )
    return crop, f"random resized crop (size={cfg.SIZE}, scale={cfg.RRCROP_SCALE})"


def _random_flip(cfg: Any) -> Step:
    return pillow.RandomHorizontalFlip(), "random flip"


def _policy(name: str) -> Callable[[Any], Step]:
    def build(cfg: Any) -> Step:
        tv = _torchvision()
        return tv.AutoAugment(tv.AutoAugmentPolicy(name)), f"{name} policy"

    return build


def _randaugment(cfg: Any) -> Step:
    n, m = cfg.RANDAUGMENT_N, cfg.RANDAUGMENT_M
    return _torchvision().RandAugment(n, m), f"randaugment (n={n}, m={m})"


def _colorjitter(cfg: Any) -> Step:
    b, c, s, h = cfg.COLORJITTER_B, cfg.COLORJITTER_C, cfg.COLORJITTER_S, cfg.COLORJITTER_H
    jitter = _torchvision().ColorJitter(brightness=b, contrast=c, saturation=s, hue=h)
    return jitter, f"color jitter (brightness={b}, contrast={c}, saturation={s}, hue={h})"


def _randomgrayscale(cfg: Any) -> Step:
    return _torchvision().RandomGrayscale(cfg.RGS_P), f"random gray scale (p={cfg.RGS_P})"


def _gaussian_blur(cfg: Any) -> Step:
    tv = _torchvision()
    blur = tv.RandomApply([tv.GaussianBlur(cfg.GB_K)], p=cfg.GB_P)
    return blur, f"gaussian blur (kernel={cfg.GB_K}, p={cfg.GB_P})"


def _cutout(cfg: Any) -> Step:
    n, length = cfg.CUTOUT_N, cfg.CUTOUT_LEN
    return Cutout(n, length), f"cutout (n_holes={n}, length={length})"


def _normalize(cfg: Any) -> Step:
    mean, std = cfg.PIXEL_MEAN, cfg.PIXEL_STD
    return pillow.Normalize(mean, std), f"normalization (mean={mean}, std={std})"


def _gaussian_noise(cfg: Any) -> Step:
    mean, std = cfg.GN_MEAN, cfg.GN_STD
    return GaussianNoise(mean, std), f"gaussian noise (mean={mean}, std={std})"


def _instance_norm(cfg: Any) -> Step:
    return InstanceNormalization(), "instance normalization"


#: name -> builder, for transforms of PIL images, in the order of their application
IMAGE_TRANSFORMS: dict[str, Callable[[Any], Step]] = {
    "random_translation": _random_translation,
    "random_crop": _random_crop,
    "random_resized_crop": _random_resized_crop,
    "random_flip": _random_flip,
    "imagenet_policy": _policy("imagenet"),
    "cifar10_policy": _policy("cifar10"),
    "svhn_policy": _policy("svhn"),
    "randaugment": _randaugment,
    "colorjitter": _colorjitter,
    "randomgrayscale": _randomgrayscale,
    "gaussian_blur": _gaussian_blur,
}

#: the same for transforms of tensors (channels, height, width), which come after
TENSOR_TRANSFORMS: dict[str, Callable[[Any], Step]] = {
    "cutout": _cutout,
    "normalize": _normalize,
    "gaussian_noise": _gaussian_noise,
    "instance_norm": _instance_norm,
}

#: accepted in INPUT.TRANSFORMS without effect: the test pipeline has it in any case
_IGNORED = ("center_crop",)


def build_transform(
    cfg: Any, is_train: bool = True, choices: Sequence[str] | None = None
) -> Callable[[Any], Any] | None:
    """Return the pipeline from a PIL image to a tensor (3, height, width), and print its steps.

    Args:
        choices: names of transforms; by default those in INPUT.TRANSFORMS.

    Returns:
        None when INPUT.NO_TRANSFORM is on.

    Raises:
        UnknownNameError: no such transform or interpolation.
    """
    if cfg.INPUT.NO_TRANSFORM:
        print("Note: no transform is applied!")
        return None
    choices = cfg.INPUT.TRANSFORMS if choices is None else choices
    for choice in choices:
        check_availability(
            choice, [*IMAGE_TRANSFORMS, *TENSOR_TRANSFORMS, *_IGNORED], kind="transform"
        )
    print(f"Building transform_{'train' if is_train else 'test'}")
    steps = _train_steps if is_train else _test_steps
    return _compose(steps(cfg.INPUT, choices))


def build_plain_transform(cfg: Any) -> Callable[[Any], Any]:
    """Return the pipeline that only resizes to INPUT.SIZE and does as "normalize" does."""
    resize = pillow.Resize(cfg.INPUT.SIZE, interpolation(cfg.INPUT))
    names = [name for name in cfg.INPUT.TRANSFORMS if name == "normalize"]
    normalize = [step for step, _ in _chosen(TENSOR_TRANSFORMS, names, cfg.INPUT)]
    return pillow.Compose([resize, pillow.ToTensor(), *normalize])


def _train_steps(cfg: Any, choices: Sequence[str]) -> Iterable[Step]:
    if not {"random_crop", "random_resized_crop"} & set(choices):
        yield pillow.Resize(cfg.SIZE, interpolation(cfg)), f"resize to {_size(cfg)}"
    yield from _chosen(IMAGE_TRANSFORMS, choices, cfg)
    yield _to_tensor()
    yield from _chosen(TENSOR_TRANSFORMS, choices, cfg)


def _test_steps(cfg: Any, choices: Sequence[str]) -> Iterable[Step]:
    if cfg.RESIZE == "squash":
        yield pillow.Resize(cfg.SIZE, interpolation(cfg)), f"resize to {_size(cfg)}"
    else:
        edge = max(cfg.SIZE)
        yield pillow.Resize(edge, interpolation(cfg)), f"resize the smaller edge to {edge}"
        yield pillow.CenterCrop(cfg.SIZE), f"{_size(cfg)} center crop"
    yield _to_tensor()
    kept = [name for name in choices if name in ("normalize", "instance_norm")]
    yield from _chosen(TENSOR_TRANSFORMS, kept, cfg)


def _chosen(
    table: dict[str, Callable[[Any], Step]], choices: Sequence[str], cfg: Any
) -> Iterable[Step]:
    return (build(cfg) for name, build in table.items() if name in choices)


def _to_tensor() -> Step:
    return pillow.ToTensor(), "to torch tensor of range [0, 1]"


def _compose(steps: Iterable[Step]) -> pillow.Compose:
    transforms = []
    for transform, description in steps:
        print(f"+ {description}")
        transforms.append(transform)
    return pillow.Compose(transforms)


def _size(cfg: Any) -> str:
    return f"{cfg.SIZE[0]}x{cfg.SIZE[1]}"
