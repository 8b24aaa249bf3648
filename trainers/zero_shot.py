"""Zero-shot CLIP in Dassl; the method itself is `rpo.methods.zero_shot`."""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import zero_shot
from rpo.registration import register

from .method import MethodTrainer


@register(TRAINER_REGISTRY)
class ZeroshotCLIP(MethodTrainer):
    """Learns nothing."""

    method = zero_shot.ZeroshotCLIP

    def build_model(self) -> None:
        print(f"Loading CLIP (backbone: {self.cfg.MODEL.BACKBONE.NAME})")
        self.build_method()

    def train(self) -> None:  # type: ignore[override]
        """There is nothing to train."""
        self.test()


@register(TRAINER_REGISTRY)
class ZeroshotCLIP2(ZeroshotCLIP):
    """The mean of seven templates, and of the dataset's own where it is not ImageNet."""

    method = zero_shot.ZeroshotCLIP2

    @classmethod
    def templates(cls, cfg: Any, dataset: Any) -> list[str]:
        own = [] if cfg.DATASET.NAME == "ImageNet" else super().templates(cfg, dataset)
        return [*zero_shot.IMAGENET_TEMPLATES, *own]

    def say_texts(self, dataset: Any) -> None:
        count = len(zero_shot.IMAGENET_TEMPLATES)
        print(f"Class texts: the mean of {count} templates of the CLIP paper")
        if self.cfg.DATASET.NAME != "ImageNet":
            super().say_texts(dataset)
