"""CLIP-Adapter. Gao, Geng, Zhang, Ma, Fang, Zhang, Li, Qiao: CLIP-Adapter: Better Vision-Language
Models with Feature Adapters, https://arxiv.org/abs/2110.04544.

A small network of two layers changes the image feature; what it gives is mixed with the feature.

Followed is the released program: the visual adapter alone, a ReLU also behind the second layer, and
the mixture of features as they are, before they get unit length. It is written for ResNet-50, with
a ratio of 0.2; here the width is the model's. The ratio of each dataset in the paper is not in the
program, nor is how it was found; nothing is chosen on validation images here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import cosine_logits
from rpo.methods.features import FeatureMethod
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    ratio: float = setting(0.2, "Weight of the adapted feature in the mixture.", at_least=0)
    reduction: int = setting(4, "How many times narrower the hidden layer is.", at_least=1)
    views: int = setting(0, "Random crops that the epochs share. 0: each has its own.", at_least=0)


class Adapter(nn.Module):
    """`fc.0.weight` (hidden, embedding) and `fc.2.weight` (embedding, hidden)."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        first, second = nn.Linear(size, hidden, bias=False), nn.Linear(hidden, size, bias=False)
        self.fc = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        """(batch, embedding) to the same."""
        return self.fc(features)


class CLIPAdapter(FeatureMethod):
    """logit = exp(logit_scale) <v', t>, both of unit length, v' = r adapter(v) + (1 - r) v."""

    traits = Traits(
        order=33, colour="#7799ff", marker="2", folder="clip_adapter", features_only=True
    )
    Settings = Settings

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, texts, settings, **fields)
        size = self.class_texts.tower.embedding_size
        self.adapter = Adapter(size, max(size // self.settings.reduction, 1))

    def learner(self) -> nn.Module:
        return self.adapter

    def classify(self, features: Tensor) -> Tensor:
        ratio = self.settings.ratio
        with torch.autocast(features.device.type, enabled=False):
            mixed = ratio * self.adapter(features) + (1 - ratio) * features
            return cosine_logits(mixed, self.class_features(), self.clip)
