"""LP, the linear probe that RPO is compared with. Lee et al.: Read-only Prompt Optimization for
Vision-Language Few-shot Learning, ICCV 2023, https://arxiv.org/abs/2308.14960.

One linear layer on CLIP's image features, which starts as the identity, against CLIP's frozen text
features. Unlike a classical probe (`LogisticProbe`) it can name classes that it never saw.
"""

from collections.abc import Sequence

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.classifier import Classifier
from rpo.clip.load import Clip
from rpo.clip.texts import class_texts
from rpo.prompted import PromptedTexts
from rpo.registration import register

from .base import PromptTrainer


class ProbedClassifier(Classifier):
    """logit = exp(logit_scale) <W v + b, t>, where v keeps its length and t has unit length."""

    def __init__(self, clip: Clip, texts: PromptedTexts) -> None:
        super().__init__(clip, texts)
        size = clip.text_projection.shape[1]
        self.lp_layer = nn.Linear(size, size)
        nn.init.eye_(self.lp_layer.weight)
        nn.init.zeros_(self.lp_layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) for images (batch, 3, height, width)."""
        features = self.own_image_features(images).float()
        texts = normalize(self.text_features().float(), dim=-1)
        with torch.autocast(images.device.type, enabled=False):
            return self.clip.logit_scale.exp().float() * self.lp_layer(features) @ texts.T


@register(TRAINER_REGISTRY)
class LP(PromptTrainer):
    """Saves `weight` (embedding, embedding) and `bias` (embedding,)."""

    section = "LP"
    learner_name = "lp_layer"
    defaults = {
        # What the frozen encoders compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # The text of a class.
        "PROMPT": "A photo of a {cls_name}",
    }

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        texts = class_texts(classnames, self.options.PROMPT, slot="{cls_name}")
        return ProbedClassifier(clip, PromptedTexts(clip, texts))

    def learner(self) -> nn.Module:
        return self.model.lp_layer
