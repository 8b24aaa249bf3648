"""What every method that learns prompts shares: the loop, precision, saving and loading.

A method is a subclass that declares its keys (`add_config`) and builds its network
(`build_network`). It never mentions optimiser, scaler or checkpoint.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_checkpoint, load_pretrained_weights
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from yacs.config import CfgNode

from rpo.checkpoints import clip_names, find_checkpoint, load_parameters
from rpo.clip.load import Clip, load_clip
from rpo.clip.precision import PRECISIONS, autocast, processor_precision, set_precision

from .record import RecordedTrainer


class PromptTrainer(RecordedTrainer):
    """A frozen CLIP and a few learnt parameters, in Dassl's training loop.

    Class attributes:
        section: the method's own node below TRAINER in the configuration.
        defaults: its keys with their defaults.
        learner_name: the folder that what is learnt is saved in.
    """

    section: str
    defaults: Mapping[str, Any]
    learner_name = "prompt_learner"

    @classmethod
    def add_config(cls, cfg: Any) -> None:
        """Adds the method's keys, with their defaults, to a configuration."""
        cfg.TRAINER[cls.section] = CfgNode(dict(cls.defaults))

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        """A module from images (batch, 3, height, width) to logits (batch, classes)."""
        raise NotImplementedError

    def learner(self) -> nn.Module:
        """The part of the network that learns: all that is trained and saved, under its names."""
        return self.model.prompt_learner

    @property
    def options(self) -> Any:
        """The method's own configuration."""
        return self.cfg.TRAINER[self.section]

    def check_cfg(self, cfg: Any) -> None:
        """Raises ValueError for a value that cannot work, naming the key."""
        self.check_choice(cfg, "PREC", PRECISIONS)

    def check_choice(self, cfg: Any, key: str, choices: Sequence[str]) -> None:
        """Raises ValueError unless TRAINER.<section>.<key> is one of `choices`."""
        value = cfg.TRAINER[self.section][key]
        if value not in choices:
            raise ValueError(
                f'TRAINER.{self.section}.{key} is "{value}"; it can be {", ".join(choices)}'
            )

    def check_at_least(self, cfg: Any, key: str, minimum: int) -> None:
        """Raises ValueError if TRAINER.<section>.<key> is smaller."""
        value = cfg.TRAINER[self.section][key]
        if value < minimum:
            raise ValueError(
                f"TRAINER.{self.section}.{key} is {value}; it must be at least {minimum}"
            )

    def build_model(self) -> None:
        """Loads CLIP, builds the network on it and sets up what learns."""
        cfg, precision = self.cfg, self.options.PREC
        print(f"Loading CLIP (backbone: {cfg.MODEL.BACKBONE.NAME}, precision: {precision})")
        if precision == "fp16" and self.device.type == "cpu":
            quicker = f"TRAINER.{self.section}.PREC {processor_precision()}"
            print(f"fp16 is slow on a CPU: add {quicker} to be faster")
        clip = set_precision(load_clip(cfg.MODEL.BACKBONE.NAME), precision)
        names = class_names(cfg, self.dm.dataset.classnames)
        self.model = self.build_network(clip, names).to(self.device)
        self.model.requires_grad_(False)
        learner = self.learner().requires_grad_(True)
        if cfg.MODEL.INIT_WEIGHTS:
            load_pretrained_weights(learner, cfg.MODEL.INIT_WEIGHTS)
        self.optim = build_optimizer(learner, cfg.OPTIM)
        self.sched = build_lr_scheduler(self.optim, cfg.OPTIM)
        self.register_model(self.learner_name, learner, self.optim, self.sched)
        half = precision in ("fp16", "amp") and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)

    def forward_backward(self, batch: dict[str, Any]) -> dict[str, float]:
        """One training step; the last one of an epoch also moves the learning rate."""
        images, labels = self.parse_batch_train(batch)
        with autocast(self.options.PREC, self.device):
            logits = self.model(images)
            loss = cross_entropy(logits.float(), labels)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss.item()} in epoch {self.epoch + 1}, batch {self.batch_idx + 1}: "
                f"lower OPTIM.LR ({self.cfg.OPTIM.LR}) or try TRAINER.{self.section}.PREC fp32"
            )
        self.optim.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optim)
        self.scaler.update()
        if self.batch_idx + 1 == self.num_batches:
            self.update_lr()
        return {"loss": loss.item(), "acc": compute_accuracy(logits, labels)[0].item()}

    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        with autocast(self.options.PREC, self.device):
            return self.model(images)

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
            ignored = clip_names(self.model.clip)
            load_parameters(self._models[name], checkpoint["state_dict"], path, ignored)
            print(f'Loading weights to {name} from "{path}" (epoch = {checkpoint["epoch"]})')
        self.record_origin(directory)


def class_names(cfg: Any, classnames: Sequence[str]) -> list[str]:
    """The dataset's class names, with underscores as DATASET.UNDERSCORES says.

    Raises:
        ValueError: DATASET.UNDERSCORES is neither "spaces" nor "keep".
    """
    if cfg.DATASET.UNDERSCORES == "keep":
        return list(classnames)
    if cfg.DATASET.UNDERSCORES != "spaces":
        raise ValueError(
            f'DATASET.UNDERSCORES is "{cfg.DATASET.UNDERSCORES}"; it can be spaces, keep'
        )
    return [name.replace("_", " ") for name in classnames]
