"""CoCoOp. Zhou, Yang, Loy, Liu: Conditional Prompt Learning for Vision-Language Models, CVPR 2022,
https://arxiv.org/abs/2203.05557.

CoOp's context, shifted for every image by a small network of the image's feature: each image meets
class texts of its own.
"""

from collections.abc import Sequence
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.classifier import Classifier, cosine_logits
from rpo.clip.load import Clip
from rpo.context import context_texts, initial_context
from rpo.prompted import PromptedTexts
from rpo.registration import register

from .base import PromptTrainer
from .coop import initial_words

# Float32 numbers that a layer holds for a token at the same time, in multiples of the width:
# its input and norm, queries, keys and values, and the hidden layer of four widths, twice.
LAYER_WIDTHS = 16
REDUCTION = 16  # of the embedding, in the hidden layer of the network


class ConditionalContext(nn.Module):
    """`ctx` (N_CTX, width), and `meta_net`: embedding -> embedding / 16 -> width."""

    def __init__(self, context: Tensor, embedding: int) -> None:
        super().__init__()
        width, hidden = context.shape[-1], embedding // REDUCTION
        self.ctx = nn.Parameter(context)
        self.meta_net = nn.Sequential()
        self.meta_net.add_module("linear1", nn.Linear(embedding, hidden))
        self.meta_net.add_module("relu", nn.ReLU())
        self.meta_net.add_module("linear2", nn.Linear(hidden, width))

    def forward(self, image_features: Tensor) -> Tensor:
        """(batch, embedding) of unit length to contexts (batch, N_CTX, width)."""
        return self.ctx + self.meta_net(image_features)[:, None]


class ConditionalClassifier(Classifier):
    """Class texts for each image, several images at once as far as `memory` bytes allow."""

    def __init__(
        self, clip: Clip, texts: PromptedTexts, prompt_learner: ConditionalContext, memory: int
    ) -> None:
        super().__init__(clip, texts)
        self.prompt_learner = prompt_learner
        bytes_per_image = 4 * LAYER_WIDTHS * texts.ids.numel() * prompt_learner.ctx.shape[-1]
        self.images_at_once = max(1, memory // bytes_per_image)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) for images (batch, 3, height, width)."""
        features = normalize(self.own_image_features(images).float(), dim=-1)
        parts = features.split(self.images_at_once)
        return torch.cat([self.logits(part) for part in parts])

    def logits(self, image_features: Tensor) -> Tensor:
        """(batch, classes) for unit-length features (batch, embedding)."""
        contexts = self.prompt_learner(image_features)[:, None]
        return cosine_logits(image_features, self.texts([contexts]), self.clip.logit_scale)


@register(TRAINER_REGISTRY)
class CoCoOp(PromptTrainer):
    """Saves `ctx` and `meta_net.linear1`, `meta_net.linear2` with weight and bias."""

    section = "COCOOP"
    defaults = {
        # Context vectors, if they start at random.
        "N_CTX": 16,
        # Words to start from; one vector a word. Empty: random vectors.
        "CTX_INIT": "",
        # What the frozen encoders compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # MiB for the texts of several images at once: less is slower and the same.
        "MEMORY": 512,
    }

    def check_cfg(self, cfg: Any) -> None:
        super().check_cfg(cfg)
        self.check_at_least(cfg, "N_CTX", 1)

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        words, count = initial_words(self.options)
        context = initial_context(clip, words, count)
        learner = ConditionalContext(context, embedding=clip.text_projection.shape[1])
        texts = PromptedTexts(clip, context_texts(classnames, words, count), count)
        return ConditionalClassifier(clip, texts, learner, self.options.MEMORY * 2**20)
