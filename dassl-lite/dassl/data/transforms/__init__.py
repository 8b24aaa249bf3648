"""Image transforms by name."""

from .build import build_plain_transform, build_transform
from .steps import INTERPOLATION_MODES
from .transforms import Cutout, GaussianNoise, InstanceNormalization

__all__ = [
    "INTERPOLATION_MODES",
    "Cutout",
    "GaussianNoise",
    "InstanceNormalization",
    "build_plain_transform",
    "build_transform",
]
