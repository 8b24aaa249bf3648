"""Image transforms by name."""

from .transforms import (
    INTERPOLATION_MODES,
    Cutout,
    GaussianNoise,
    InstanceNormalization,
    Random2DTranslation,
    build_plain_transform,
    build_transform,
)

__all__ = [
    "INTERPOLATION_MODES",
    "Cutout",
    "GaussianNoise",
    "InstanceNormalization",
    "Random2DTranslation",
    "build_plain_transform",
    "build_transform",
]
