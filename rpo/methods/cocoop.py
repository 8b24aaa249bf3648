"""CoCoOp. Zhou, Yang, Loy, Liu: Conditional Prompt Learning for Vision-Language Models, CVPR 2022,
https://arxiv.org/abs/2203.05557.

CoOp's context, shifted for every image by a small network of the image's feature: each image meets
class texts of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.clip.load import Clip
from rpo.clip.towers import text_tower
from rpo.methods import settings
from rpo.methods.base import Method, cosine_logits
from rpo.methods.context import context_texts, initial_context, initial_words
from rpo.methods.prompted import PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

# Float32 numbers that a layer holds for a token at the same time, in multiples of the width:
# its input and norm, queries, keys and values, and the hidden layer of four widths, twice.
LAYER_WIDTHS = 16
REDUCTION = 16  # of the embedding, in the hidden layer of the network


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx: int = setting(16, "Context vectors, if they start at random.", at_least=1)
    ctx_init: str = setting("", "Words to start from, one vector a word. Empty: random vectors.")
    memory: int = setting(
        512, "MiB for the texts of several images at once: less is slower and the same.", at_least=0
    )


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


class CoCoOp(Method):
    """Learns `ctx`, and `meta_net.linear1` and `meta_net.linear2` with weight and bias.

    Class texts are made for several images at once, as far as the setting `memory` allows.
    """

    traits = Traits(order=60, colour="#56b4e9", marker="D", folder="cocoop")
    Settings = Settings
    texts_per_image = True

    def __init__(
        self, clip: Clip, names: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        words, count = initial_words(self.settings.ctx_init, self.settings.n_ctx)
        context = initial_context(clip, words, count)
        self.prompt_learner = ConditionalContext(context, text_tower(clip).embedding_size)
        self.texts = PromptedTexts(clip, context_texts(names, words, count), count)
        bytes_per_image = 4 * LAYER_WIDTHS * self.texts.ids.numel() * context.shape[-1]
        self.images_at_once = max(1, self.settings.memory * 2**20 // bytes_per_image)

    def learner(self) -> nn.Module:
        return self.prompt_learner

    def forward(self, images: Tensor) -> Tensor:
        features = normalize(self.own_image_features(images).float(), dim=-1)
        parts = features.split(self.images_at_once)
        return torch.cat([self.logits(part) for part in parts])

    def logits(self, image_features: Tensor) -> Tensor:
        """(batch, classes) for unit-length features (batch, embedding)."""
        contexts = self.prompt_learner(image_features)[:, None]
        return cosine_logits(image_features, self.texts([contexts]), self.clip)
