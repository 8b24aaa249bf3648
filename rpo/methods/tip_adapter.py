"""Tip-Adapter and Tip-Adapter-F. Zhang, Zhang, Fang, Gao, Li, Dai, Qiao, Li: Tip-Adapter:
Training-free Adaption of CLIP for Few-shot Classification, ECCV 2022,
https://arxiv.org/abs/2207.09519.

The training images vote: each one for its class, the more the more alike the image to be named is.
What zero-shot CLIP says counts beside the votes. In Tip-Adapter-F the images' features, the keys of
this cache, learn.

The released program searches alpha and beta on 200 x 20 values, on the whole validation split (on
ImageNet: on the test images), and trains Tip-Adapter-F to the epoch that is best on the test
images, of which it prints the better of two results. Here alpha and beta are as set, unless SEARCH
chooses them on the few validation images of the sample; and the last epoch counts. Everything else
follows the program: 10 random crops a key, averaged before they get unit length, learnt keys that
are not brought to unit length again, and 20 epochs of fresh crops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, one_hot

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import biased
from rpo.methods.features import BesideTexts, FeatureMethod
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

# How many values of beta and of alpha the released program tries.
STEPS = (200, 20)


@dataclass(frozen=True)
class Settings(settings.Settings):
    alpha: float = setting(1.0, "Weight of the votes.", at_least=0)
    beta: float = setting(1.0, "How much more the most alike images count.", at_least=0)
    key_views: int = setting(10, "Random crops of an image that make its key.", at_least=1)
    views: int = setting(0, "Random crops that the epochs share. 0: each has its own.", at_least=0)
    search: bool = setting(
        False, "Whether alpha and beta are chosen on validation images, after the training."
    )
    alpha_scale: float = setting(3.0, "The search's largest alpha.", at_least=0.1)
    beta_scale: float = setting(7.0, "The search's largest beta.", at_least=0.1)


class Votes(BesideTexts):
    """The keys `weight` (images, embedding), their labels `values` (images, classes), and how they
    count. Without training images: a key of length zero for each class, which decides nothing."""

    rows = ("weight", "values")  # as many as there were training images
    alpha: Tensor
    beta: Tensor
    values: Tensor

    def __init__(self, texts: Tensor, alpha: float, beta: float) -> None:
        super().__init__(texts)
        self.weight = nn.Parameter(torch.zeros_like(texts))
        self.register_buffer("values", torch.eye(len(texts)))
        self.register_buffer("alpha", torch.tensor(float(alpha)))
        self.register_buffer("beta", torch.tensor(float(beta)))

    def resize(self, images: int) -> None:
        """To so many keys, of length zero."""
        self.weight.data = self.weight.new_zeros(images, self.weight.shape[1])
        self.values = self.values.new_zeros(images, self.values.shape[1])

    def affinities(self, features: Tensor) -> Tensor:
        """Of unit-length features (batch, embedding) with every key: (batch, images)."""
        return features @ self.weight.T

    def forward(self, affinities: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """(batch, images) to the votes (batch, classes)."""
        return alpha * (-beta * (1 - affinities)).exp() @ self.values


class TipAdapter(FeatureMethod):
    """logits = exp(logit_scale) <f, t> + alpha sum_i exp(-beta (1 - <f, key_i>)) onehot(label_i),
    f and t of unit length. Nothing is trained; `begin` makes the keys."""

    traits = Traits(
        order=31, colour="#cc9955", marker="+", folder="tip_adapter",
        names_new_classes=False, features_only=True,
    )  # fmt: skip
    Settings = Settings

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, texts, settings, **fields)
        chosen = self.settings
        self.adapter = Votes(self.class_features(), chosen.alpha, chosen.beta)

    def learner(self) -> nn.Module:
        return self.adapter

    @property
    def views_to_begin(self) -> int:
        return self.settings.key_views

    def make_room(self, labels: Tensor) -> None:
        self.adapter.resize(len(labels))
        self.adapter.values.copy_(one_hot(labels, self.adapter.values.shape[1]))

    @torch.no_grad()
    def begin(self, views: Tensor, labels: Tensor) -> None:
        features = self.features(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        self.adapter.weight.copy_(normalize(features.mean(dim=0), dim=-1))

    def classify(self, features: Tensor) -> Tensor:
        features, adapter = normalize(features, dim=-1), self.adapter
        with torch.autocast(features.device.type, enabled=False):
            votes = adapter(adapter.affinities(features), adapter.alpha, adapter.beta)
            return self.zero_shot(features) + votes

    def zero_shot(self, features: Tensor) -> Tensor:
        """CLIP's own logits for unit-length features; the program writes 100 for its scale."""
        scale = self.clip.logit_scale.exp().float()
        return biased(scale * features @ self.adapter.base_text_features.T, self.clip)

    @torch.no_grad()
    def choose(self, features: Tensor, labels: Tensor) -> float:
        """Takes the alpha and beta with the highest accuracy on features (images, embedding), of
        equal ones the first, and returns that accuracy in percent."""
        features, best = normalize(features, dim=-1), -1.0
        affinities, own = self.adapter.affinities(features), self.zero_shot(features)
        scales = self.settings.beta_scale, self.settings.alpha_scale
        betas, alphas = (steps_to(*pair).to(own) for pair in zip(scales, STEPS, strict=True))
        for beta in betas:
            votes = self.adapter(affinities, torch.ones_like(beta), beta)
            for alpha in alphas:
                hits = (own + alpha * votes).argmax(dim=1) == labels
                accuracy = 100 * hits.float().mean().item()
                if accuracy > best:
                    best = accuracy
                    self.adapter.alpha.copy_(alpha)
                    self.adapter.beta.copy_(beta)
        return best


class TipAdapterF(TipAdapter):
    """The same with keys that learn, by cross-entropy at the alpha and beta that are set."""

    traits = Traits(
        order=32, colour="#ff0099", marker=".", folder="tip_adapter_f",
        names_new_classes=False, features_only=True,
    )  # fmt: skip


def steps_to(scale: float, count: int) -> Tensor:
    """(count,) even steps from 0.1 towards `scale`, which itself is none of them."""
    return 0.1 + torch.arange(count) * ((scale - 0.1) / count)
