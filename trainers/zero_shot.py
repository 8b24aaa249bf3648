"""Zero-shot CLIP. Radford et al.: Learning Transferable Visual Models From Natural Language
Supervision, ICML 2021, https://arxiv.org/abs/2103.00020.

The class whose hand-written text lies nearest to the image; or, for the ensemble, the mean of
several texts (section 3.1.4). Nothing is learnt.
"""

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor
from torch.nn.functional import normalize

from rpo.clip.texts import class_texts, tokenize
from rpo.clip.towers import TextTower
from rpo.registration import register

from .base import class_names
from .frozen import FrozenTrainer

# The seven that the authors of CLIP found to be the best subset of their 80 for ImageNet.
IMAGENET_TEMPLATES = [
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
]


@register(TRAINER_REGISTRY)
class ZeroshotCLIP(FrozenTrainer):
    """Reads DATASET.TEMPLATE, or DATASET.PROMPT for a dataset without one. Learns nothing."""

    learns = False
    scripts = "zsclip"

    def build_model(self) -> None:
        self.load_clip()
        names = class_names(self.cfg, self.dm.dataset.classnames)
        texts = [class_texts(names, template, "{}") for template in self.templates()]
        print(f"Prompts: {texts[-1]}, of {len(texts)} templates")
        mean = torch.stack([self.encode(one) for one in texts]).mean(dim=0)
        self.text_features = normalize(mean, dim=-1)

    def templates(self) -> list[str]:
        """The dataset's own, with {} for the class name."""
        dataset = self.cfg.DATASET
        return [dataset.TEMPLATE or dataset.PROMPT.replace("_", "{}")]

    @torch.no_grad()
    def encode(self, texts: list[str]) -> Tensor:
        """Unit-length features (texts, embedding)."""
        ids, lengths = (part.to(self.device) for part in tokenize(texts, self.clip.context_length))
        return normalize(TextTower(self.clip).encode(ids, lengths), dim=-1)

    @torch.no_grad()
    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        image_features = normalize(self.image_features(images), dim=-1)
        return self.clip.logit_scale.exp() * image_features @ self.text_features.T

    def train(self) -> None:  # type: ignore[override]
        """There is nothing to train."""
        self.test()


@register(TRAINER_REGISTRY)
class ZeroshotCLIP2(ZeroshotCLIP):
    """The mean of seven templates, and of the dataset's own where it is not ImageNet."""

    scripts = "zsclip2"

    def templates(self) -> list[str]:
        own = [] if self.cfg.DATASET.NAME == "ImageNet" else super().templates()
        return IMAGENET_TEMPLATES + own
