"""TaskRes. Yu, Lu, Jin, Chen, Wang: Task Residual for Tuning Vision-Language Models, CVPR 2023,
https://arxiv.org/abs/2211.10277.

A vector is learnt for each class and added, scaled, to CLIP's text feature.

Followed is the released program: several texts of a class are averaged as they are, without unit
length, underscores stay in class names, and the scale is that of its scripts, 0.5, and not its
key's default of 1. Its "enhanced base", a text projection that was tuned before, is not here, as
its training was not published. The last epoch counts, and nothing is chosen on other images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import cosine_logits
from rpo.methods.features import BesideTexts, FeatureMethod
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    residual_scale: float = setting(0.5, "What multiplies the residuals.", at_least=0)
    views: int = setting(0, "Random crops that the epochs share. 0: each has its own.", at_least=0)


class Residuals(BesideTexts):
    """`text_feature_residuals` (classes, embedding)."""

    def __init__(self, texts: Tensor) -> None:
        super().__init__(texts)
        self.text_feature_residuals = nn.Parameter(torch.zeros_like(texts))

    def forward(self, scale: float) -> Tensor:
        """(classes, embedding), of any length."""
        return self.base_text_features + scale * self.text_feature_residuals


class TaskRes(FeatureMethod):
    """logit_c = exp(logit_scale) <v, t_c + scale r_c>, both of unit length in the end."""

    traits = Traits(
        order=34, colour="#117788", marker="x", folder="taskres",
        names_new_classes=False, features_only=True,
    )  # fmt: skip
    Settings = Settings
    unit_texts = False

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, texts, settings, **fields)
        self.prompt_learner = Residuals(self.class_features())

    def learner(self) -> nn.Module:
        return self.prompt_learner

    def classify(self, features: Tensor) -> Tensor:
        texts = self.prompt_learner(self.settings.residual_scale)
        return cosine_logits(features, texts, self.clip)
