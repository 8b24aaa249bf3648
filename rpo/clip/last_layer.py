"""CLIP's image encoder without its last, linear layer, and that layer. CLIP stays as it is."""

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rpo.clip.load import Clip, check_image_size


class LastLayer(NamedTuple):
    """From what the encoder computes, (batch, width), to CLIP's own features.

    Attributes:
        weight: (embedding, width).
        bias: (embedding,), None for a vision transformer.
    """

    weight: Tensor
    bias: Tensor | None

    def __call__(self, vectors: Tensor) -> Tensor:
        """(batch, width) to (batch, embedding)."""
        return linear(vectors.to(self.weight.dtype), self.weight, self.bias)


def last_layer(clip: Clip) -> LastLayer | None:
    """That of an image encoder of OpenAI's kind; None of an encoder of another kind."""
    visual: Any = getattr(clip, "visual", None)
    if isinstance(getattr(visual, "proj", None), Tensor):
        return LastLayer(visual.proj.T, None)
    if hasattr(getattr(visual, "attnpool", None), "c_proj"):
        return LastLayer(visual.attnpool.c_proj.weight, visual.attnpool.c_proj.bias)
    return None


def without_last_layer(clip: Clip) -> Callable[[Tensor], Tensor]:
    """Images (batch, 3, height, width) to vectors (batch, width), where there is a last layer."""
    visual = clip.visual
    if hasattr(visual, "attnpool"):
        pool = _variant(visual.attnpool, _modules={"c_proj": _identity(visual.attnpool.c_proj)})
        bare = _variant(visual, _modules={"attnpool": pool})
    else:
        bare = _variant(visual, _parameters={"proj": None})

    def encode(images: Tensor) -> Tensor:
        check_image_size(images, visual)
        return bare(images.to(visual.conv1.weight.dtype))

    return encode


def _identity(layer: nn.Linear) -> nn.Linear:
    """A layer that gives back what `layer` is given."""
    size = layer.in_features
    identity = nn.Linear(size, size, device=layer.weight.device, dtype=layer.weight.dtype)
    with torch.no_grad():
        nn.init.eye_(identity.weight)
        nn.init.zeros_(identity.bias)
    return identity.requires_grad_(False)


def _variant(module: nn.Module, **changed: Mapping[str, Any]) -> nn.Module:
    """A second module of the very same parts, but for those that are given."""
    other = copy.copy(module)
    for kind, parts in changed.items():
        setattr(other, kind, {**getattr(module, kind), **parts})
    return other
