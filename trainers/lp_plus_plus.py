"""LP++ in Dassl; the method itself is `rpo.methods.lp_plus_plus`."""

from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY

from rpo.methods import lp_plus_plus
from rpo.registration import register

from .features import FeatureTrainer

MOMENTUM = 0.9  # of weight and bias


@register(TRAINER_REGISTRY)
class LPPlusPlus(FeatureTrainer):
    """Saves `weight`, `bias` and `alpha`. An epoch is one step on all images."""

    method = lp_plus_plus.LPPlusPlus
    section = "LPPLUSPLUS"
    learner_name = "lp_plus_plus"
    full_batch = True

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        if key.startswith("OPTIM.") and key != "OPTIM.MAX_EPOCH":
            return "its steps follow from the features"
        return super().unread(cfg, key)

    def build_model(self) -> None:
        super().build_model()
        probe = self.model.classifier
        groups: list[dict[str, Any]] = [
            {"params": [probe.weight, probe.bias], "momentum": MOMENTUM},
            {"params": [probe.alpha]},
        ]
        self.optim = torch.optim.SGD(groups, lr=self.cfg.OPTIM.LR)
        self.optim.register_step_pre_hook(self.choose_gradient)
        self._optims[self.learner_name], self._scheds[self.learner_name] = self.optim, None

    def view_of(self, epoch: int) -> int:
        """The one that it begins with."""
        return 0

    def before_train(self) -> None:
        super().before_train()
        for group, size in zip(self.optim.param_groups, self.model.step_sizes, strict=True):
            group["lr"] = size
        print("Step sizes of the probe and of alpha: {:.4g}, {:.4g}".format(*self.model.step_sizes))

    def choose_gradient(self, *_: Any) -> None:
        """Before every step: alpha has none, but for the steps that are its own."""
        alpha = self.model.classifier.alpha
        summed = self.optim.state[alpha]  # saved with the optimiser
        if self.options.SUM_GRADIENTS:
            summed["gradient"] = summed.get("gradient", 0) + alpha.grad
        if (self.epoch + 1) % self.options.ALPHA_EVERY:
            alpha.grad = None
        elif self.options.SUM_GRADIENTS:
            alpha.grad = summed["gradient"].clone()
