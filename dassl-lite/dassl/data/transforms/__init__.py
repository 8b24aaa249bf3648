"""Image transforms by name."""

from typing import Any

from . import transforms
from .transforms import (
    Cutout,
    GaussianNoise,
    InstanceNormalization,
    Random2DTranslation,
    build_plain_transform,
    build_transform,
)

__all__ = [
    "Cutout",
    "GaussianNoise",
    "InstanceNormalization",
    "Random2DTranslation",
    "build_plain_transform",
    "build_transform",
]


def __getattr__(name: str) -> Any:
    """`INTERPOLATION_MODES`, for which torchvision is imported."""
    if name == "INTERPOLATION_MODES":
        return transforms.INTERPOLATION_MODES
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
