"""Training on labelled images, batch by batch."""

import datetime
import time
from typing import Any

import torch

from dassl.utils import AverageMeter, MetricMeter

from .base import TrainerBase
from .simple_trainer import SimpleTrainer

__all__ = ["SimpleTrainer", "TrainerBase", "TrainerX"]


class TrainerX(SimpleTrainer):
    """Calls `forward_backward` on each batch of `train_loader_x`, and prints how it goes.

    Attributes:
        batch_idx: index of the current batch, from 0.
        num_batches: batches in an epoch.
    """

    def run_epoch(self) -> None:
        """Train for one epoch."""
        self.set_model_mode("train")
        losses = MetricMeter()
        batch_time = AverageMeter()
        data_time = AverageMeter()
        self.num_batches = len(self.train_loader_x)
        end = time.time()
        for batch_idx, batch in enumerate(self.train_loader_x):
            self.batch_idx = batch_idx
            data_time.update(time.time() - end)
            losses.update(self.forward_backward(batch))
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
