"""CLAP in Dassl; the method itself is `rpo.methods.clap`."""

from collections.abc import Sequence
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor

from rpo.methods import clap
from rpo.methods.zero_shot import IMAGENET_TEMPLATES
from rpo.registration import register

from .class_texts import PLAIN_TEMPLATE
from .encoding import Features
from .features import FeatureLoader, FeatureTrainer


class PoolLoader(FeatureLoader):
    """Shuffled batches of all views together, as many as one view of each image would fill."""

    def __init__(
        self, features: Features, items: Sequence[Any], batch_size: int, views: int
    ) -> None:
        super().__init__(features, list(items) * views, batch_size, shuffle=True)
        self.single, self.views = items, views

    def __len__(self) -> int:
        return max(len(self.single) // self.batch_size, 1)

    def vectors(self) -> Tensor:
        if self.held is None:
            pool = [self.features.read(self.single, view) for view in range(self.views)]
            self.held = self.view, torch.cat(pool)
        return self.held[1]


@register(TRAINER_REGISTRY)
class CLAP(FeatureTrainer):
    """Saves `prototypes` and `base_text_features`."""

    method = clap.CLAP
    section = "CLAP"
    learner_name = "adapter"
    underscores = "keep"
    imagenet_templates = (*IMAGENET_TEMPLATES, PLAIN_TEMPLATE)

    def training_loader(self, items: Sequence[Any], batch_size: int) -> FeatureLoader:
        return PoolLoader(self.features, items, batch_size, self.options.VIEWS)
