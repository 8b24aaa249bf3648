"""The trainers that a plugin derives from, read from top to bottom.

`TrainerBase` (base.py) is the skeleton; `SimpleTrainer` builds data, model and evaluator and knows
when to save and test; `TrainerX` makes the steps of an epoch.
"""

import datetime
import os
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from dassl.data import DataManager
from dassl.evaluation import build_evaluator
from dassl.modeling import build_backbone, build_head
from dassl.utils import AverageMeter, CheckpointError, MetricMeter, check_availability
from dassl.utils.checkpoint import BEST_MODEL_NAME, epoch_model_name, has_checkpoint

from . import run_folder
from .base import TrainerBase

__all__ = ["SimpleNet", "SimpleTrainer", "TrainerBase", "TrainerX", "TrainerXU"]


class SimpleTrainer(TrainerBase):
    """Builds data, model and evaluator from `cfg`; saves and tests at the right times.

    A subclass overrides `check_cfg`, `build_model` and `forward_backward`; `build_model` sets
    `self.model`, which gives the scores.
    """

    model: Any

    def __init__(self, cfg: Any) -> None:
        super().__init__()
        self.check_cfg(cfg)
        use_cuda = torch.cuda.is_available() and cfg.USE_CUDA
        self.device = torch.device("cuda" if use_cuda else "cpu")
        self.start_epoch = 0
        self.max_epoch = cfg.OPTIM.MAX_EPOCH
        self.output_dir = cfg.OUTPUT_DIR
        self.cfg = cfg
        self.build_data_loader()
        self.build_model()
        self.evaluator = build_evaluator(cfg, lab2cname=self.lab2cname)

    def check_cfg(self, cfg: Any) -> None:
        """Raise if `cfg` is not what this trainer needs."""

    def build_data_loader(self) -> None:
        """Build dataset and loaders."""
        self.dm = DataManager(self.cfg)
        self.train_loader_x = self.dm.train_loader_x
        self.train_loader_u = self.dm.train_loader_u
        self.val_loader = self.dm.val_loader
        self.test_loader = self.dm.test_loader
        self.num_classes = self.dm.num_classes
        self.num_source_domains = self.dm.num_source_domains
        self.lab2cname = self.dm.lab2cname

    def build_model(self) -> None:
        """Build and register the models."""
        raise NotImplementedError

    def train(self) -> None:  # type: ignore[override]
        """Train, or go on where OUTPUT_DIR stopped; a finished run is left as it is.

        Raises:
            ConfigMismatchError: OUTPUT_DIR holds a run of another configuration.
            FileNotFoundError: there is no folder RESUME, or no checkpoint in it.
            ValueError: the best model is asked, but nothing could select it fairly.
        """
        check_selection(self.cfg, self.dm.dataset)
        self._check_resume(self.cfg.RESUME)
        if self.run_state() == "finished":
            print(
                f"The run in {self.output_dir} is finished (epoch {self.max_epoch}/"
                f"{self.max_epoch}), nothing to do; start anew with --overwrite"
            )
            return
        self.record_run(finished=False)
        super().train(self.start_epoch, self.max_epoch)
        self.record_run(finished=True)

    def _check_resume(self, directory: str) -> None:
        if directory and not os.path.isdir(directory):
            raise FileNotFoundError(f"RESUME is {directory}, and there is no such folder")
        for name in self._models if directory else ():
            if not has_checkpoint(os.path.join(directory, name)):
                raise FileNotFoundError(f"RESUME is {directory}, which has no checkpoint of {name}")

    def run_state(self) -> str:
        """Return how far the run in OUTPUT_DIR is; a program with files of its own overrides it."""
        return run_folder.run_state(self.cfg)

    def record_run(self, finished: bool) -> None:
        """Note in OUTPUT_DIR whose run this is; overridden together with `run_state`."""
        run_folder.record_run(self.cfg, finished=finished)

    def before_train(self) -> None:
        """Resume if there is something to resume, and open tensorboard."""
        directory = self.cfg.RESUME or self.output_dir
        self.start_epoch = self.resume_model_if_exist(directory)
        if self.start_epoch > self.max_epoch:
            raise CheckpointError(
                f"The checkpoint in {directory} is of epoch {self.start_epoch}, and "
                f"OPTIM.MAX_EPOCH is {self.max_epoch}: it is not of this run"
            )
        if os.path.realpath(directory) != os.path.realpath(self.output_dir):
            self.best_result = -float("inf")  # this folder has no best model yet
        elif self.start_epoch:
            self._save_if_due(missing_only=True)
        self.init_writer(os.path.join(self.output_dir, "tensorboard"))
        self.time_start = time.time()

    def after_epoch(self) -> None:
        """Save the best model so far, and every CHECKPOINT_FREQ epochs the current one."""
        if selects_best(self.cfg):
            result = self.test(split="val")
            if result > self.best_result:
                self.best_result = result
                self.save_model(
                    self.epoch, self.output_dir, val_result=result, model_name=BEST_MODEL_NAME
                )
        self._save_if_due()

    def _save_if_due(self, missing_only: bool = False) -> None:
        """Save the epoch's own checkpoint; a run killed behind its best model may lack that."""
        frequency = self.cfg.TRAIN.CHECKPOINT_FREQ
        due = frequency > 0 and (self.epoch + 1) % frequency == 0
        if not due and self.epoch + 1 != self.max_epoch:
            return
        name = epoch_model_name(self.epoch + 1)
        files = (os.path.join(self.output_dir, model, name) for model in self._models)
        if not missing_only or not all(os.path.isfile(file) for file in files):
            self.save_model(self.epoch, self.output_dir)

    def after_train(self) -> None:
        """Test the model that the configuration asks for."""
        print("Finish training")
        if not self.cfg.TEST.NO_TEST:
            if selects_best(self.cfg):
                print("Deploy the model with the best val performance")
                self.load_model(self.output_dir)
            else:
                print("Deploy the last-epoch model")
            self.test()
        elapsed = round(time.time() - self.time_start)
        print(f"Elapsed: {datetime.timedelta(seconds=elapsed)}")

    @torch.no_grad()
    def test(self, split: str | None = None) -> float:
        """Evaluate on `split` ("val" or "test", by default TEST.SPLIT).

        Without validation images, "val" means the test images.

        Raises:
            UnknownNameError: there is no such split.

        Returns:
            The evaluator's first metric: the accuracy in percent.
        """
        self.set_model_mode("eval")
        self.evaluator.reset()
        split = self.cfg.TEST.SPLIT if split is None else split
        check_availability(split, ("val", "test"), kind="TEST.SPLIT")
        if split == "val" and self.val_loader is not None:
            loader = self.val_loader
        else:
            split, loader = "test", self.test_loader
        print(f"Evaluate on the *{split}* set")
        for batch in tqdm(loader):
            image, label = self.parse_batch_test(batch)
            self.evaluator.process(self.model_inference(image), label)
        results = self.evaluator.evaluate()
        for name, value in results.items():
            self.write_scalar(f"{split}/{name}", value, self.epoch)
        return next(iter(results.values()))

    def model_inference(self, input: torch.Tensor) -> torch.Tensor:
        """Return the scores (batch, classes) of images (batch, 3, height, width)."""
        return self.model(input)

    def parse_batch_test(self, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return image and label on the device."""
        return batch["img"].to(self.device), batch["label"].to(self.device)

    def get_current_lr(self, names: Any = None) -> float:
        """Return the learning rate of the first model's first parameter group."""
        return self._present(self._optims, names)[0].param_groups[0]["lr"]


class TrainerX(SimpleTrainer):
    """Calls `forward_backward` on each batch of `train_loader_x`, and prints how it goes.

    Attributes:
        batch_idx: index of the current batch, from 0.
        num_batches: batches in an epoch.
    """

    def run_epoch(self) -> None:
        """Train for one epoch."""
        self.num_batches = len(self.train_loader_x)
        self._run_batches((batch,) for batch in self.train_loader_x)

    def _run_batches(self, batches: Iterable[tuple[Any, ...]]) -> None:
        self.set_model_mode("train")
        losses = MetricMeter()
        batch_time = AverageMeter()
        data_time = AverageMeter()
        end = time.time()
        for batch_idx, batch in enumerate(batches):
            self.batch_idx = batch_idx
            data_time.update(time.time() - end)
            losses.update(self.forward_backward(*batch))
            batch_time.update(time.time() - end)
            if self._is_printing_time():
                print(self._progress_line(losses, batch_time, data_time))
            self._write_scalars(losses)
            end = time.time()

    def _is_printing_time(self) -> bool:
        frequency = self.cfg.TRAIN.PRINT_FREQ
        return (self.batch_idx + 1) % frequency == 0 or self.num_batches < frequency

    def _progress_line(
        self, losses: MetricMeter, batch_time: AverageMeter, data_time: AverageMeter
    ) -> str:
        parts = [
            f"epoch [{self.epoch + 1}/{self.max_epoch}]",
            f"batch [{self.batch_idx + 1}/{self.num_batches}]",
            f"time {batch_time.val:.3f} ({batch_time.avg:.3f})",
            f"data {data_time.val:.3f} ({data_time.avg:.3f})",
            f"{losses}",
            f"lr {self.get_current_lr():.4e}",
            f"eta {self._remaining_time(batch_time.avg)}",
        ]
        return " ".join(parts)

    def _remaining_time(self, seconds_per_batch: float) -> datetime.timedelta:
        batches = self.num_batches - self.batch_idx - 1
        batches += (self.max_epoch - self.epoch - 1) * self.num_batches
        return datetime.timedelta(seconds=int(seconds_per_batch * batches))

    def _write_scalars(self, losses: MetricMeter) -> None:
        step = self.epoch * self.num_batches + self.batch_idx
        for name, meter in losses.meters.items():
            self.write_scalar(f"train/{name}", meter.avg, step)
        self.write_scalar("train/lr", self.get_current_lr(), step)

    def parse_batch_train(self, batch: dict[str, Any]) -> Any:
        """Return image, label and domain on the device; most trainers drop the domain."""
        tensors: list[torch.Tensor] = [batch["img"], batch["label"], batch["domain"]]
        return tuple(tensor.to(self.device) for tensor in tensors)


class TrainerXU(TrainerX):
    """The same on pairs of labelled and unlabelled batches: `forward_backward(batch_x, batch_u)`.

    TRAIN.COUNT_ITER says what makes an epoch: train_x, train_u or smaller_one of both loaders; the
    other one begins anew when it is used up.
    """

    def run_epoch(self) -> None:
        """Train for one epoch.

        Raises:
            ValueError: the dataset has no unlabelled images.
        """
        if self.train_loader_u is None:
            raise ValueError(f"{self.cfg.DATASET.NAME} has no unlabelled images for TrainerXU")
        sizes = {"train_x": len(self.train_loader_x), "train_u": len(self.train_loader_u)}
        sizes["smaller_one"] = min(sizes.values())
        check_availability(self.cfg.TRAIN.COUNT_ITER, sizes, kind="TRAIN.COUNT_ITER")
        self.num_batches = sizes[self.cfg.TRAIN.COUNT_ITER]
        pairs = zip(_endless(self.train_loader_x), _endless(self.train_loader_u), strict=False)
        self._run_batches(islice(pairs, self.num_batches))

    def parse_batch_train(self, batch_x: Any, batch_u: Any) -> Any:  # type: ignore[override]
        """Return labelled images, their labels, and unlabelled images on the device."""
        tensors = (batch_x["img"], batch_x["label"], batch_u["img"])
        return tuple(tensor.to(self.device) for tensor in tensors)


def _endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


class SimpleNet(nn.Module):
    """A backbone, a head if MODEL.HEAD names one, and a linear classifier on top.

    Args:
        cfg: the configuration.
        model_cfg: its section MODEL.
        num_classes: 0 leaves the classifier out.
    """

    def __init__(self, cfg: Any, model_cfg: Any, num_classes: int, **kwargs: Any) -> None:
        super().__init__()
        backbone, head = model_cfg.BACKBONE, model_cfg.HEAD
        self.backbone = build_backbone(
            backbone.NAME, verbose=cfg.VERBOSE, pretrained=backbone.PRETRAINED, **kwargs
        )
        self._fdim: Any = self.backbone.out_features
        self.head = None
        if head.NAME and head.HIDDEN_LAYERS:
            self.head = build_head(
                head.NAME,
                verbose=cfg.VERBOSE,
                in_features=self._fdim,
                hidden_layers=head.HIDDEN_LAYERS,
                activation=head.ACTIVATION,
                bn=head.BN,
                dropout=head.DROPOUT,
            )
            self._fdim = self.head.out_features
        self.classifier = nn.Linear(self._fdim, num_classes) if num_classes > 0 else None

    @property
    def fdim(self) -> Any:
        """Width of the features before the classifier."""
        return self._fdim

    def forward(self, x: torch.Tensor, return_feature: bool = False) -> Any:
        """Return scores (batch, classes), with the features (batch, fdim) where asked."""
        features = self.backbone(x)
        if self.head is not None:
            features = self.head(features)
        if self.classifier is None:
            return features
        scores = self.classifier(features)
        return (scores, features) if return_feature else scores


def __getattr__(name: str) -> Any:
    if name == "SummaryWriter":  # here, because importing it is slow
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def selects_best(cfg: Any) -> bool:
    """Return whether each epoch is validated and the best model kept."""
    return cfg.TEST.FINAL_MODEL == "best_val" and not cfg.TEST.NO_TEST


def check_selection(cfg: Any, dataset: Any) -> None:
    """Refuse a selection that would look at the test images.

    Raises:
        UnknownNameError: TEST.FINAL_MODEL is neither last_step nor best_val.
        ValueError: best_val is asked, but the dataset's validation images are none, or are
            among its test images and DATASET.VALIDATE_ON_TEST, if the program has such a key,
            does not ask for that.
    """
    check_availability(cfg.TEST.FINAL_MODEL, ("last_step", "best_val"), kind="TEST.FINAL_MODEL")
    if not selects_best(cfg):
        return
    tested = {item.impath for item in dataset.test}
    if not dataset.val:
        problem = "has no validation images"
    elif cfg.DATASET.get("VALIDATE_ON_TEST", False):
        return
    elif any(item.impath in tested for item in dataset.val):
        problem = "has validation images that are also test images"
    else:
        return
    raise ValueError(
        f"TEST.FINAL_MODEL best_val would select the model on test images: {cfg.DATASET.NAME} "
        f"{problem}. Use TEST.FINAL_MODEL last_step"
    )
