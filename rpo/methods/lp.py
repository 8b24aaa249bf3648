"""LP, the linear probe that RPO is compared with. Lee et al.: Read-only Prompt Optimization for
Vision-Language Few-shot Learning, ICCV 2023, https://arxiv.org/abs/2308.14960.

One linear layer on CLIP's image features, which starts as the identity, against CLIP's frozen text
features. Unlike a classical probe (`LogisticProbe`) it can name classes that it never saw.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.clip.load import Clip
from rpo.methods.base import Method, biased
from rpo.methods.prompted import PromptedTexts
from rpo.methods.traits import Traits


class LP(Method):
    """logit = exp(logit_scale) <W v + b, t>, where v keeps its length and t has unit length.

    Learns `weight` (embedding, embedding) and `bias` (embedding,).
    """

    traits = Traits(order=40, colour="#332288", marker="X", folder="lp", features_only=True)
    takes = "texts"
    prompt = "A photo of a {}"

    def __init__(
        self, clip: Clip, texts: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        self.texts = PromptedTexts(clip, texts)
        size = self.texts.tower.embedding_size
        self.lp_layer = nn.Linear(size, size)
        nn.init.eye_(self.lp_layer.weight)
        nn.init.zeros_(self.lp_layer.bias)

    def learner(self) -> nn.Module:
        return self.lp_layer

    def forward(self, images: Tensor) -> Tensor:
        features = self.own_image_features(images).float()
        texts = self.remembered.get(lambda: self.texts([]), [self.texts.ids])
        with torch.autocast(images.device.type, enabled=False):
            scale = self.clip.logit_scale.exp().float()
            logits = scale * self.lp_layer(features) @ normalize(texts.float(), dim=-1).T
        return biased(logits, self.clip)
