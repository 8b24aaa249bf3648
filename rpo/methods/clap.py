"""CLAP and ZS-LP. Silva-Rodriguez, Hajimiri, Ben Ayed, Dolz: A Closer Look at the Few-Shot
Adaptation of Large Vision-Language Models, CVPR 2024, https://arxiv.org/abs/2312.12730.

A linear probe that starts as CLIP's text features (ZS-LP) and, in CLAP, is held near them: for each
class as strongly as zero-shot CLIP is sure of its training images.

Followed is the released program. The multipliers stay what they are at the start: their update, an
outer step of the augmented Lagrangian, is only reached with another constraint than that of the
published command. Distances are of prototypes as they are, without unit length. Random crops, 20 of
an image, lie in one pool, of which an epoch takes as many batches as one crop of each image would
fill. Several texts of a class are averaged as they are, and underscores stay in class names. The
last epoch counts and nothing is chosen on other images; the program's grid searches, which look at
test images, and its other constraints are not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import cosine_logits
from rpo.methods.features import BesideTexts, FeatureMethod
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    constraint: str = setting(
        "l2", "What holds the prototypes: l2 is CLAP, none ZS-LP.", choices=("l2", "none")
    )
    views: int = setting(20, "Random crops of each image in the pool.", at_least=1)


class Prototypes(BesideTexts):
    """`prototypes` (classes, embedding)."""

    def __init__(self, texts: Tensor) -> None:
        super().__init__(texts)
        self.prototypes = nn.Parameter(texts.clone())

    def distances(self) -> Tensor:
        """(classes,), squared, from where the prototypes started."""
        return (self.prototypes - self.base_text_features).square().sum(dim=-1)


class CLAP(FeatureMethod):
    """logit_c = exp(logit_scale) <v, w_c>, both of unit length;
    loss = cross-entropy + mean_c lambda_c |w_c - t_c|^2."""

    traits = Traits(
        order=36, colour="#99aa77", marker="1", folder="clap",
        names_new_classes=False, features_only=True,
    )  # fmt: skip
    Settings = Settings
    unit_texts = False
    multipliers: Tensor

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, texts, settings, **fields)
        self.adapter = Prototypes(self.class_features())
        zeros = torch.zeros(len(self.adapter.prototypes))
        self.register_buffer("multipliers", zeros, persistent=False)

    def learner(self) -> nn.Module:
        return self.adapter

    def classify(self, features: Tensor) -> Tensor:
        return cosine_logits(features, self.adapter.prototypes, self.clip)

    @property
    def views_to_begin(self) -> int:
        return self.settings.views if self.settings.constraint == "l2" else 0

    @torch.no_grad()
    def begin(self, views: Tensor, labels: Tensor) -> None:
        """The multiplier of a class is the mean probability that zero-shot CLIP gives it on all
        views of its images."""
        features, texts = self.features(views.flatten(0, 1)), self.adapter.base_text_features
        probabilities = cosine_logits(features, texts, self.clip).softmax(dim=-1)
        members = one_hot(labels.repeat(len(views)), len(texts)).to(probabilities)
        self.multipliers.copy_((members * probabilities).sum(dim=0) / members.sum(dim=0))

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        loss, logits = super().loss(images, labels)
        return loss + (self.multipliers * self.adapter.distances()).mean(), logits
