"""Zero-shot CLIP. Radford et al.: Learning Transferable Visual Models From Natural Language
Supervision, ICML 2021, https://arxiv.org/abs/2103.00020.

The class whose hand-written text lies nearest to the image; or, for the ensemble, the mean of
several texts (section 3.1.4). Nothing is learnt.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.clip.load import Clip
from rpo.methods.base import Method, biased
from rpo.methods.class_texts import ClassTexts
from rpo.methods.traits import Traits

# The seven that the authors of CLIP found to be the best subset of their 80 for ImageNet.
IMAGENET_TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)


class ZeroshotCLIP(Method):
    """logit = exp(logit_scale) <v, t>, both of unit length.

    Args:
        texts: one a class; or several lists of them, whose features are averaged.
    """

    traits = Traits(order=10, colour="#444444", marker="p", folder="zsclip", learns=False)
    takes = "texts"

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        self.texts = ClassTexts(clip, texts)

    def learner(self) -> nn.Module:
        return nn.Module()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        image_features = normalize(self.own_image_features(images), dim=-1)
        texts = self.remembered.get(self.text_features, [self.clip.logit_scale])
        scale = self.clip.logit_scale.exp().reshape(())  # of SigLIP it is a vector of one
        return biased(scale * image_features @ texts.T, self.clip)

    def text_features(self) -> Tensor:
        """Unit-length features (classes, embedding)."""
        return self.texts.unit_mean()


class ZeroshotCLIP2(ZeroshotCLIP):
    """The mean of the seven templates above, and of the dataset's own where it is not ImageNet."""

    traits = Traits(order=20, colour="#909090", marker="h", folder="zsclip2", learns=False)
