"""ProLIP. Fahes, Vu, Bursuc, Perez, de Charette: CLIP's Visual Embedding Projector is a Few-shot
Cornucopia, https://arxiv.org/abs/2410.05270.

The last, linear layer of the image encoder learns, held near where it started; nothing else does.

Followed is the released program in its form without validation images: the weight of the squared
distance is 1 over the number of shots, the learning rate 1e-5, and each of 300 steps sees all
images in a random view of their own, in the program's order, the first view last. Its search of
learning rate and weight on validation images is not here. The program trains the layer in half
precision, in which steps so small are partly lost; here what is learnt is float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rpo.clip.last_layer import LastLayer, last_layer
from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import cosine_logits
from rpo.methods.features import FeatureMethod
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

# Of the number of shots, to the weight of the squared distance.
RULES = {"1/N": lambda shots: 1 / shots, "1/N2": lambda shots: 1 / shots**2}


@dataclass(frozen=True)
class Settings(settings.Settings):
    rule: str = setting(
        "1/N", "Weight of the distance from the start, for N shots.", (*RULES, "fixed")
    )
    weight: float = setting(0.0, "That weight, for RULE fixed.", at_least=0)
    views: int = setting(300, "Random crops that the steps go through in turn.", at_least=1)


class Layer(nn.Module):
    """`weight` (embedding, width) and `bias` (embedding,), which does not learn."""

    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.register_buffer("bias", bias)


class Projection(nn.Module):
    """The layer under the program's names: `vit_proj` (width, embedding); of a ResNet `linear`."""

    def __init__(self, start: LastLayer) -> None:
        super().__init__()
        weight = start.weight.detach().float().clone()
        if start.bias is None:
            self.vit_proj = nn.Parameter(weight.T.contiguous())
        else:
            self.linear = Layer(weight, start.bias.detach().float().clone())

    @property
    def weight(self) -> Tensor:
        """(embedding, width)."""
        return self.linear.weight if hasattr(self, "linear") else self.vit_proj.T

    def forward(self, vectors: Tensor) -> Tensor:
        """(batch, width) to (batch, embedding)."""
        return linear(vectors, self.weight, self.linear.bias if hasattr(self, "linear") else None)


class ProLIP(FeatureMethod):
    """logit = exp(logit_scale) <W x, t>, both of unit length, x what the encoder computes before;
    loss = cross-entropy + weight |W - W_0|^2.

    Raises ValueError for an image encoder whose last layer is not known.
    """

    traits = Traits(order=37, colour="#8877aa", marker="4", folder="prolip", features_only=True)
    Settings = Settings

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, texts, settings, **fields)
        start = last_layer(clip)
        if start is None:
            raise ValueError(
                "ProLIP learns the last layer of the image encoder, and this CLIP has none that is "
                "known here: OpenAI's have one (RN50, ViT-B/32, ViT-B/16, ViT-L/14, tiny, ...)"
            )
        self.projection, self.shots = Projection(start), 1.0

    def learner(self) -> nn.Module:
        return self.projection

    def make_room(self, labels: Tensor) -> None:
        """Takes the number of shots, where classes differ their mean."""
        self.shots = len(labels) / len(labels.unique())

    def features(self, images: Tensor) -> Tensor:
        vectors = images if images.dim() == 2 else self.vectors(images)
        with torch.autocast(vectors.device.type, enabled=False):
            return self.projection(vectors.float())

    def classify(self, features: Tensor) -> Tensor:
        return cosine_logits(features, self.class_features(), self.clip)

    def distance(self) -> Tensor:
        """(), squared, from CLIP's own layer."""
        start = last_layer(self.clip)
        assert start is not None
        return (self.projection.weight - start.weight.float()).square().sum()

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        loss, logits = super().loss(images, labels)
        rule = RULES.get(self.settings.rule)
        return loss + (rule(self.shots) if rule else self.settings.weight) * self.distance(), logits
