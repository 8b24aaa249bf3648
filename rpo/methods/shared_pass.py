"""CLIP's own pass over images and class texts, computed once for several models of RPO.

Runs that differ in their prompts alone (initialisation, ablation, learning rate) see the same
images in the same order. Taken in turns (`rpo.turns`), each finds what the one before it computed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor

from rpo.attention import FrozenLayer
from rpo.clip.load import Clip
from rpo.clip.precision import autocast_dtype

Layers: TypeAlias = list[FrozenLayer]


class SharedPass:
    """Of one CLIP: the layers of the last images, and of every list of texts."""

    def __init__(self) -> None:
        self.images: Tensor | None = None
        self.precision: torch.dtype | None = None
        self.layers: Layers = []
        self.texts: dict[tuple[object, ...], Layers] = {}

    def image_layers(self, images: Tensor, compute: Callable[[], Layers]) -> Layers:
        """`compute()`, or what it gave for images (batch, 3, height, width) of the same values."""
        precision = autocast_dtype(images.device)
        if not (
            self.images is not None
            and precision == self.precision
            and images.device == self.images.device
            and torch.equal(images, self.images)
        ):
            self.layers, self.images, self.precision = compute(), images, precision
        return self.layers

    def text_layers(self, ids: Tensor, compute: Callable[[], Layers]) -> Layers:
        """`compute()`, or what it gave for the same token ids (classes, tokens)."""
        texts = tuple(ids.shape), tuple(ids.flatten().tolist())
        key = *texts, ids.device, autocast_dtype(ids.device)
        if key not in self.texts:
            self.texts[key] = compute()
        return self.texts[key]


# Of each CLIP by its identity, within `sharing`; None outside of it.
_shared: dict[int, tuple[Clip, SharedPass]] | None = None


@contextmanager
def sharing() -> Iterator[None]:
    """Models built while it lasts share what belongs to their CLIP alone."""
    global _shared
    _shared = {}
    try:
        yield
    finally:
        _shared = None


def shared_pass(clip: Clip) -> SharedPass | None:
    """What models on this CLIP share; None outside of `sharing`."""
    if _shared is None:
        return None
    return _shared.setdefault(id(clip), (clip, SharedPass()))[1]
