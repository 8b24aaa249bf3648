"""LP++. Huang, Shakeri, Dolz, Boudiaf, Bahig, Ben Ayed: LP++: A Surprisingly Strong Linear Probe
for Few-Shot CLIP, CVPR 2024, https://arxiv.org/abs/2404.02285.

A linear probe, and beside it CLIP's text features, whose weight is learnt for each class. Start and
step sizes come from the training features, so that nothing is left to be tuned.

The released program has a fault that changes its results: it never clears the gradient of alpha, so
that each of alpha's steps takes the sum of all gradients since the first one. SUM_GRADIENTS does
that; by default a step takes its own gradient. The program also tests the step that is best on
validation images, of equal ones the latest. TEST.FINAL_MODEL best_val is that but for the first of
equal ones, and for the sample's images, up to 4 a class, where the program takes as many as there
are shots; by default the last step counts. All else follows the program, in which the probe starts
from the sum of a class's features and a random bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.features import FeatureMethod
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

# The weight of the text features starts as so many times the mean similarity of images and texts.
ALPHA_SCALE = 250


@dataclass(frozen=True)
class Settings(settings.Settings):
    alpha_every: int = setting(10, "Steps of the probe for one step of alpha.", at_least=1)
    sum_gradients: bool = setting(
        False, "Whether alpha's gradients are never cleared, as in the released program."
    )


class Probe(nn.Linear):
    """`weight` (classes, embedding), `bias` (classes,), `alpha` (1, classes)."""

    base_text_features: Tensor

    def __init__(self, texts: Tensor) -> None:
        super().__init__(texts.shape[1], len(texts))
        nn.init.zeros_(self.weight)
        self.alpha = nn.Parameter(torch.zeros(1, len(texts)))
        self.register_buffer("base_text_features", texts.clone())

    def forward(self, features: Tensor) -> Tensor:
        """Logits (batch, classes) of unit-length features (batch, embedding)."""
        return super().forward(features) + self.alpha * (features @ self.base_text_features.T)


class LPPlusPlus(FeatureMethod):
    """logit_c = <w_c, f> + b_c + alpha_c <t_c, f>, f and t of unit length.

    Attributes:
        step_sizes: of weight and bias, and of alpha; `begin` finds them.
    """

    traits = Traits(
        order=35, colour="#99bb00", marker="3", folder="lp_plus_plus",
        names_new_classes=False, features_only=True,
    )  # fmt: skip
    Settings = Settings
    step_sizes: tuple[float, float]

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, texts, settings, **fields)
        self.classifier = Probe(self.class_features())

    def learner(self) -> nn.Module:
        return self.classifier

    def classify(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return self.classifier(normalize(features, dim=-1))

    @property
    def views_to_begin(self) -> int:
        return 1

    @torch.no_grad()
    def begin(self, views: Tensor, labels: Tensor) -> None:
        probe = self.classifier
        features = normalize(self.features(views[0]), dim=-1)
        similarities = features @ probe.base_text_features.T
        members = one_hot(labels, len(probe.base_text_features)).to(features)
        probe.weight.copy_(members.T @ features)
        own = (members * similarities).sum(dim=0) / members.sum(dim=0)
        probe.alpha.fill_(ALPHA_SCALE * own.mean())
        self.step_sizes = step_sizes(features, similarities)


def step_sizes(features: Tensor, similarities: Tensor) -> tuple[float, float]:
    """Of weight and bias, and of alpha, from bounds of the loss's curvature in them.

    Args:
        features: (images, embedding), of unit length.
        similarities: (images, classes), with the class texts.
    """
    count = len(features)
    curvature = torch.linalg.eigvalsh((features.T @ features).double())[-1].item()
    return 4 * count / curvature, count / (4 * similarities.square().sum(dim=0).max().item())
