"""What every method shares in Dassl: its configuration, CLIP, class texts, the training loop.

A trainer names a method of `rpo.methods` and its section of the configuration; the method's own
settings become the keys of that section. It never mentions optimiser, scaler or checkpoint.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from dassl.metrics import compute_accuracy
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import load_checkpoint, load_pretrained_weights
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler
from yacs.config import CfgNode

from rpo import turns
from rpo.checkpoints import check_finite, clip_names, find_checkpoint, load_parameters
from rpo.clip.load import Clip, load_clip
from rpo.clip.precision import PRECISIONS, autocast, processor_precision
from rpo.clip.texts import class_inputs
from rpo.methods.settings import check, described

from . import contract
from .class_texts import choose_template, class_names
from .config import plain
from .origin import origin, origin_of
from .record import RecordedTrainer


class MethodTrainer(RecordedTrainer):
    """A method on a frozen CLIP, evaluated.

    Class attributes:
        method: what it trains or evaluates, a class derived from `rpo.methods.base.Method`.
        section: the method's own node below TRAINER in the configuration; empty: it has none.
        further_keys: keys of the section beside the method's settings, with their defaults.
        learner_name: the folder that what is learnt is saved in.
        has_precision: whether its section has the key PREC, what the towers compute in.
        without_validation: values of the section's keys for where no image can choose them.
        takes_seconds: whether a run does, so that little is lost if it is interrupted.
        dataset_templates: of the texts that its released program has for a dataset instead of the
            method's, "{}" for the class name.
        underscores: in class names, unless DATASET.UNDERSCORES says otherwise: "spaces" or "keep".
    """

    method: Any = None
    section = ""
    further_keys: Mapping[str, Any] = {}
    learner_name = ""
    has_precision = False
    without_validation: Mapping[str, Any] = {}
    takes_seconds = False
    dataset_templates: Mapping[str, str] = {}
    underscores = "spaces"

    @classmethod
    def add_config(cls, cfg: Any) -> None:
        """Adds the method's keys, with their defaults, to a configuration.

        Raises:
            ValueError: the trainer is none, or has the section of another.
        """
        contract.check_class(cls)
        if cls.section:
            if cls.section in cfg.TRAINER:
                raise ValueError(
                    f"the trainer {cls.__module__}.{cls.__name__} has the section {cls.section}, "
                    "which is another trainer's: each has its own"
                )
            keys = {name.upper(): default for name, default, _ in described(cls.method.Settings)}
            cfg.TRAINER[cls.section] = CfgNode(keys | dict(cls.further_keys))

    @property
    def options(self) -> Any:
        """The method's own configuration."""
        return self.cfg.TRAINER[self.section]

    @classmethod
    def settings(cls, cfg: Any) -> Any:
        """The method's settings.

        Raises:
            ValueError: a value cannot work; its key is named.
        """
        kind = cls.method.Settings
        node = cfg.TRAINER[cls.section] if cls.section else {}
        values = {name: node[name.upper()] for name, _, _ in described(kind)}
        try:
            check(kind, values, lambda name: f"TRAINER.{cls.section}.{name.upper()}")
        except TypeError as error:
            raise ValueError(str(error)) from error
        try:
            return kind(**values)
        except ValueError as error:  # values that do not go together
            raise ValueError(f"TRAINER.{cls.section}: {error}") from error

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        """Why a run with this configuration does not read a key of all methods; empty if it does.

        For whoever typed the key: it is a mistake, or holds for other methods of the same command.
        """
        return ""

    def check_cfg(self, cfg: Any) -> None:
        """Raises ValueError for a value that cannot work, naming the key."""
        self.settings(cfg)
        if cfg.DATALOADER.K_TRANSFORMS != 1:
            raise ValueError(
                f"DATALOADER.K_TRANSFORMS is {cfg.DATALOADER.K_TRANSFORMS}; {cfg.TRAINER.NAME} "
                "trains on one augmented copy of an image: it must be 1"
            )

    def precision(self) -> str:
        """What CLIP computes in: OpenAI's mix with float16 on a GPU, float32 on a CPU."""
        return "fp16" if self.device.type == "cuda" else "fp32"

    def build_method(self) -> None:
        """Loads CLIP and builds the method for the dataset's classes, on the device."""
        clip = self.backbone()
        self.check_size(clip)
        classes = self.classes()
        self.model = self.method(clip, classes, self.settings(self.cfg)).to(self.device)
        self.model.requires_grad_(False)

    def backbone(self) -> Clip:
        """CLIP, as `load_clip` gives it."""
        return load_clip(self.cfg.MODEL.BACKBONE.NAME, self.precision())

    def check_size(self, clip: Any) -> None:
        """Raises ValueError for images of another size than this CLIP sees."""
        side = getattr(getattr(clip, "visual", None), "input_resolution", None)
        if side and tuple(self.cfg.INPUT.SIZE) != (side, side):
            raise ValueError(
                f"INPUT.SIZE is {self.cfg.INPUT.SIZE}, and the backbone "
                f"{self.cfg.MODEL.BACKBONE.NAME} sees images of ({side}, {side}): add INPUT.SIZE "
                f"'({side}, {side})'"
            )

    def classes(self) -> Sequence[Any]:
        """What the method reads of each class of the dataset; the log says what that is."""
        dataset = self.dm.dataset
        self.say_texts(dataset)
        return self.inputs(self.cfg, dataset, dataset.classnames)

    @classmethod
    def inputs(cls, cfg: Any, dataset: Any, names: Sequence[str]) -> list[Any]:
        """What the method reads of classes: a text each or, where it learns the words, a name.

        Args:
            dataset: the dataset or its class, for the template.
        """
        named = class_names(cfg, names, cls.underscores)
        return class_inputs(named, cls.templates(cfg, dataset))

    @classmethod
    def templates(cls, cfg: Any, dataset: Any) -> list[str]:
        """Of the texts, "{}" for the class name; none where the method learns the words."""
        if cls.method.takes == "names":
            return []
        template, _ = choose_template(cfg, dataset, cls.published_template(cfg))
        return ["{}", template] if cls.method.takes == "both" else [template]

    @classmethod
    def published_template(cls, cfg: Any) -> str:
        """The method's own, "{}" for the class name; empty: the dataset's."""
        return cls.dataset_templates.get(cfg.DATASET.NAME, cls.method.prompt)

    def say_texts(self, dataset: Any) -> None:
        """In the log: the template and where it comes from."""
        if self.method.takes == "names":
            self.say_that_words_are_learnt()
            return
        template, source = choose_template(self.cfg, dataset, self.published_template(self.cfg))
        role = "learnt words, held near " if self.method.takes == "both" else ""
        print(f'Class texts: {role}"{template}" ({source})')

    def say_that_words_are_learnt(self) -> None:
        """In the log, with a hint for whoever gave a text of their own."""
        print("Class texts: the words around the class name are the method's own")
        if self.cfg.DATASET.TEMPLATE:
            print(
                f'DATASET.TEMPLATE "{self.cfg.DATASET.TEMPLATE}" does not reach it: '
                f"TRAINER.{self.section}.CTX_INIT gives words to start from"
            )

    def check_classes(self, directory: str) -> None:
        """Raises ValueError if this names other classes than a folder's run, and the method cannot.

        Of the same dataset: on another one classes may be the same, as on ImageNet's test sets.
        """
        trained, now = origin_of(directory), origin(plain(self.cfg))
        if trained is None or self.method.can_name_new_classes(self.model.settings):
            return
        if trained["dataset"] == now["dataset"] and trained["classes"] != now["classes"]:
            raise ValueError(
                f"{directory} was trained on {trained['classes']} classes of {now['dataset']}, and "
                f"DATASET.SUBSAMPLE_CLASSES is {now['classes']}: {self.cfg.TRAINER.NAME} has "
                "learnt something for each class that it saw. RPO or LP can name others"
            )

    def set_model_mode(self, mode: str = "train", names: Any = None) -> None:
        """Of the method as a whole, which may hold more than what learns."""
        super().set_model_mode(mode, names)
        self.model.train(mode == "train")

    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        logits = self.model(images)
        contract.check_logits(self.model, logits, len(images), self.num_classes)
        return logits


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
            raise FloatingPointError(
                f"the loss is {loss.item()} in epoch {self.epoch + 1}, batch {self.batch_idx + 1}: "
                f"lower OPTIM.LR ({self.cfg.OPTIM.LR}) or try TRAINER.{self.section}.PREC fp32"
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
        self.record_origin(directory)
