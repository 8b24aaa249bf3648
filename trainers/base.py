"""The training loop that all methods share which learn in steps: on a frozen CLIP, in Dassl.

A trainer of a method never mentions optimiser, scaler or checkpoint.
"""

from pathlib import Path
from typing import Any

import torch
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_checkpoint, load_pretrained_weights
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from rpo import turns
from rpo.checkpoints import check_finite, clip_names, find_checkpoint, load_parameters
from rpo.clip.precision import PRECISIONS, autocast, processor_precision

from . import contract
from .method import MethodTrainer


class PromptTrainer(MethodTrainer):
    """A frozen CLIP and a few learnt parameters, in Dassl's training loop.

    Class attributes:
        learns_in_steps: whether it does; if not, all is there before the first step.
    """

    learner_name = "prompt_learner"
    has_precision = True
    learns_in_steps = True

    @classmethod
    def add_config(cls, cfg: Any) -> None:
        if not cls.section:
            raise ValueError(
                f"the trainer {cls.__module__}.{cls.__name__} has no section: it names the node of "
                f'its keys below TRAINER, as in section = "{cls.__name__.upper()}"'
            )
        super().add_config(cfg)
        # What the frozen towers compute in: fp32, fp16, bf16 or amp.
        cfg.TRAINER[cls.section].PREC = "fp16"

    @classmethod
    def settings(cls, cfg: Any) -> Any:
        precision = cfg.TRAINER[cls.section].PREC
        if precision not in PRECISIONS:
            raise ValueError(
                f'TRAINER.{cls.section}.PREC is "{precision}"; it can be {", ".join(PRECISIONS)}'
            )
        return super().settings(cfg)

    def precision(self) -> str:
        return self.options.PREC

    def build_model(self) -> None:
        """Builds the method on CLIP and sets up what learns."""
        cfg, precision = self.cfg, self.precision()
        print(f"Loading CLIP (backbone: {cfg.MODEL.BACKBONE.NAME}, precision: {precision})")
        if precision == "fp16" and self.device.type == "cpu":
            quicker = f"TRAINER.{self.section}.PREC {processor_precision()}"
            print(f"fp16 is slow on a CPU: add {quicker} to be faster")
        self.build_method()
        contract.check_learner(self.model)
        learner = self.model.learner().requires_grad_(True)
        if cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(learner, cfg.MODEL.INIT_WEIGHTS)
            check_finite(learner, cfg.MODEL.INIT_WEIGHTS)
        self.optim = build_optimizer(learner, cfg.OPTIM)
        self.sched = self.build_schedule()
        self.register_model(self.learner_name, learner, self.optim, self.sched)
        half = precision in ("fp16", "amp") and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)

    def build_schedule(self) -> LRScheduler:
        """Of the learning rate."""
        return build_lr_scheduler(self.optim, self.cfg.OPTIM)

    def moves_rate(self) -> bool:
        """Whether the learning rate moves on after this batch: after the last one of an epoch."""
        return self.batch_idx + 1 == self.num_batches

    def forward_backward(self, batch: dict[str, Any]) -> dict[str, float]:
        """One training step."""
        images, labels = self.parse_batch_train(batch)
        step = self.epoch * self.num_batches + self.batch_idx
        with autocast(self.precision(), self.device):
            self.model.begin_step(step, self.max_epoch * self.num_batches)
            found = self.model.loss(images, labels)
        contract.check_loss(self.model, found, len(images), self.num_classes)
        loss, logits = found
        if not torch.isfinite(loss):
            single = self.precision() == "fp32"
            raise FloatingPointError(
                f"the loss is {loss.item()} in epoch {self.epoch + 1}, batch {self.batch_idx + 1}: "
                f"lower OPTIM.LR ({self.cfg.OPTIM.LR})"
                + ("" if single else f" or try TRAINER.{self.section}.PREC fp32")
            )
        self.optim.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optim)
        self.scaler.update()
        if self.moves_rate():
            self.update_lr()
        measured = {"loss": loss.item(), "acc": compute_accuracy(logits, labels)[0].item()}
        turns.pause()
        return measured | self.model.measured()

    def after_epoch(self) -> None:
        self.model.end_epoch(self.optim, self.epoch + 1, self.max_epoch)
        super().after_epoch()

    def model_inference(self, images: Tensor) -> Tensor:
        with autocast(self.precision(), self.device):
            return super().model_inference(images)

    def parse_batch_train(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Images (batch, 3, height, width) and labels (batch,) on the device."""
        return batch["img"].to(self.device), batch["label"].to(self.device)

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Loads what was learnt: of `epoch`, or else the best or the newest there is.

        Raises:
            FileNotFoundError: names what is there instead.
            ValueError: the checkpoint does not fit this run; every difference is named.
        """
        if not directory:
            print("Note that load_model() is skipped as no pretrained model is given")
            return
        for name in self.get_model_names():
            path = find_checkpoint(Path(directory) / name, epoch)
            checkpoint = load_checkpoint(str(path))
            ignored = clip_names(self.model.clip) | set(self.method.unused)
            load_parameters(self._models[name], checkpoint.get("state_dict"), path, ignored)
            print(f'Loading weights to {name} from "{path}" (epoch = {checkpoint.get("epoch")})')
        self.check_classes(directory)
        self.record_origin(directory, epoch)
