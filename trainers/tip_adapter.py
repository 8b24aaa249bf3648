"""Tip-Adapter and Tip-Adapter-F in Dassl; the method itself is `rpo.methods.tip_adapter`."""

from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from dassl.optim import build_lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from rpo.methods import tip_adapter
from rpo.registration import register

from .features import FeatureTrainer


class Searching(FeatureTrainer):
    """Chooses alpha and beta after the last epoch, where it is asked to."""

    learner_name = "tip_adapter"

    def after_epoch(self) -> None:
        if self.options.SEARCH and self.epoch + 1 == self.max_epoch:
            self.search()
        super().after_epoch()

    def search(self) -> None:
        """On validation images that are no test images; the log says what was used."""
        dataset, adapter = self.dm.dataset, self.model.adapter
        tested = {item.impath for item in dataset.test}
        items = [item for item in dataset.val or [] if item.impath not in tested]
        if items:
            vectors = self.features.read(items).to(self.device)
            labels = torch.tensor([item.label for item in items], device=self.device)
            accuracy = self.model.choose(self.model.features(vectors), labels)
            seen = f"{len(set(labels.tolist()))} of the {self.num_classes} classes"
            print(f"Searched on {len(items)} validation images, of {seen}: {accuracy:.2f} %")
        else:
            print(
                f"{self.cfg.DATASET.NAME} has no validation images of its own: nothing is searched"
            )
        print(f"alpha = {adapter.alpha.item():.4g}, beta = {adapter.beta.item():.4g}")


@register(TRAINER_REGISTRY)
class TipAdapter(Searching):
    """Saves `weight` (images, embedding), the keys, with `values`, `alpha` and `beta`."""

    method = tip_adapter.TipAdapter
    section = "TIPADAPTER"
    learns_in_steps = False

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        if key.startswith(("OPTIM.", "DATALOADER.TRAIN_X.")):
            return "nothing is learnt in steps"
        return super().unread(cfg, key)

    def build_model(self) -> None:
        super().build_model()
        self.max_epoch = 1

    def run_epoch(self) -> None:
        """Nothing: the keys are there."""


@register(TRAINER_REGISTRY)
class TipAdapterF(Searching):
    """Saves the same. The learning rate falls after every batch."""

    method = tip_adapter.TipAdapterF
    section = "TIPADAPTERF"
    drop_last = False
    # Of AdamW, where the released program has another one than PyTorch.
    further_keys = {"EPS": 1e-4}

    def build_schedule(self) -> LRScheduler:
        schedule = self.cfg.OPTIM.clone()
        schedule.defrost()
        schedule.MAX_EPOCH *= len(self.train_loader_x)
        return build_lr_scheduler(self.optim, schedule)

    def moves_rate(self) -> bool:
        """After every batch."""
        return True
