"""Zero-shot CLIP. Radford et al.: Learning Transferable Visual Models From Natural Language
Supervision, ICML 2021, https://arxiv.org/abs/2103.00020.

The class whose hand-written text lies nearest to the image. Nothing is learnt.
"""

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor
from torch.nn.functional import normalize

from rpo.backbone import load_clip
from rpo.text import class_texts, tokenize
from rpo.towers import TextTower

from .base import class_names
from .record import RecordedTrainer


@TRAINER_REGISTRY.register()
class ZeroshotCLIP(RecordedTrainer):
    """Reads DATASET.TEMPLATE, or DATASET.PROMPT for a dataset without one. Learns nothing."""

    def build_model(self) -> None:
        dataset = self.cfg.DATASET
        print(f"Loading CLIP (backbone: {self.cfg.MODEL.BACKBONE.NAME})")
        clip = load_clip(self.cfg.MODEL.BACKBONE.NAME)
        self.clip = (clip if self.device.type == "cuda" else clip.float()).to(self.device)
        names = class_names(self.cfg, self.dm.dataset.classnames)
        slot = "{}" if dataset.TEMPLATE else "_"
        texts = class_texts(names, dataset.TEMPLATE or dataset.PROMPT, slot)
        print(f"Prompts: {texts}")
        self.text_features = self.encode(texts)

    @torch.no_grad()
    def encode(self, texts: list[str]) -> Tensor:
        """Unit-length features (texts, embedding)."""
        ids, lengths = (part.to(self.device) for part in tokenize(texts, self.clip.context_length))
        return normalize(TextTower(self.clip).encode(ids, lengths), dim=-1)

    @torch.no_grad()
    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        image_features = normalize(self.clip.encode_image(images), dim=-1)
        return self.clip.logit_scale.exp() * image_features @ self.text_features.T

    def train(self) -> None:  # type: ignore[override]
        """There is nothing to train."""
        self.test()
