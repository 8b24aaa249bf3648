"""The transforms that a configuration can name, each with the line that the log gets.

A configuration says which transforms to apply, never in which order: that is the order of the
tables here.
"""

from collections.abc import Callable
from typing import Any

from torchvision import transforms as tv

from dassl.utils import check_availability

from .transforms import Cutout, GaussianNoise, InstanceNormalization

INTERPOLATION_MODES = {
    "nearest": tv.InterpolationMode.NEAREST,
    "bilinear": tv.InterpolationMode.BILINEAR,
    "bicubic": tv.InterpolationMode.BICUBIC,
}

Step = tuple[Any, str]  # the transform, and what the log says of it


def interpolation(cfg: Any) -> tv.InterpolationMode:
    """Return the mode named by INPUT.INTERPOLATION; raise `UnknownNameError`."""
    check_availability(cfg.INTERPOLATION, INTERPOLATION_MODES, kind="interpolation")
    return INTERPOLATION_MODES[cfg.INTERPOLATION]


def _random_translation(cfg: Any) -> Step:
    """Half of the time, cut the image out of one that is an eighth larger."""
    larger = [round(side * 1.125) for side in cfg.SIZE]
    mode = interpolation(cfg)
    moved = tv.Compose([tv.Resize(larger, mode), tv.RandomCrop(cfg.SIZE)])
    return tv.RandomChoice([tv.Resize(cfg.SIZE, mode), moved]), "random translation"


def _random_crop(cfg: Any) -> Step:
    crop = tv.RandomCrop(cfg.SIZE, padding=cfg.CROP_PADDING)
    return crop, f"random crop (padding = {cfg.CROP_PADDING})"


def _random_resized_crop(cfg: Any) -> Step:
    crop = tv.RandomResizedCrop(cfg.SIZE, scale=cfg.RRCROP_SCALE, interpolation=interpolation(cfg))
    return crop, f"random resized crop (size={cfg.SIZE}, scale={cfg.RRCROP_SCALE})"


def _random_flip(cfg: Any) -> Step:
    return tv.RandomHorizontalFlip(), "random flip"


def _policy(name: str) -> Callable[[Any], Step]:
    policy = tv.AutoAugmentPolicy(name)
    return lambda cfg: (tv.AutoAugment(policy), f"{name} policy")


def _randaugment(cfg: Any) -> Step:
    n, m = cfg.RANDAUGMENT_N, cfg.RANDAUGMENT_M
    return tv.RandAugment(n, m), f"randaugment (n={n}, m={m})"


def _colorjitter(cfg: Any) -> Step:
    b, c, s, h = cfg.COLORJITTER_B, cfg.COLORJITTER_C, cfg.COLORJITTER_S, cfg.COLORJITTER_H
    jitter = tv.ColorJitter(brightness=b, contrast=c, saturation=s, hue=h)
    return jitter, f"color jitter (brightness={b}, contrast={c}, saturation={s}, hue={h})"


def _randomgrayscale(cfg: Any) -> Step:
    return tv.RandomGrayscale(cfg.RGS_P), f"random gray scale (p={cfg.RGS_P})"


def _gaussian_blur(cfg: Any) -> Step:
    blur = tv.RandomApply([tv.GaussianBlur(cfg.GB_K)], p=cfg.GB_P)
    return blur, f"gaussian blur (kernel={cfg.GB_K}, p={cfg.GB_P})"


def _cutout(cfg: Any) -> Step:
    n, length = cfg.CUTOUT_N, cfg.CUTOUT_LEN
    return Cutout(n, length), f"cutout (n_holes={n}, length={length})"


def _normalize(cfg: Any) -> Step:
    mean, std = cfg.PIXEL_MEAN, cfg.PIXEL_STD
    return tv.Normalize(mean, std), f"normalization (mean={mean}, std={std})"


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
