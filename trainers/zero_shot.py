"""Zero-shot CLIP in Dassl; the method itself is `rpo.methods.zero_shot`."""

from collections.abc import Sequence
from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.clip.texts import class_texts
from rpo.methods import zero_shot
from rpo.registration import register

from .base import MethodTrainer
from .class_texts import class_names


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

    def classes(self) -> Sequence[Any]:
        names = class_names(self.cfg, self.dm.dataset.classnames, self.underscores)
        seven = [class_texts(names, one, "{}") for one in zero_shot.IMAGENET_TEMPLATES]
        print(f"Class texts: the mean of {len(seven)} templates of the CLIP paper")
        return seven if self.cfg.DATASET.NAME == "ImageNet" else [*seven, super().classes()]
