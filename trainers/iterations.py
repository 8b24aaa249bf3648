"""Training that is counted in steps, not in passes over the images."""

import math
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any

from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from .base import PromptTrainer

LOWEST_RATE = 1e-6
# How long a training is that is counted in epochs, and how its rate falls.
OF_EPOCHS = (
    "OPTIM.MAX_EPOCH",
    "OPTIM.LR_SCHEDULER",
    "OPTIM.STEPSIZE",
    "OPTIM.GAMMA",
    "OPTIM.WARMUP",
)


class Passes:
    """A loader's batches, pass after pass, `steps` of them."""

    def __init__(self, loader: Any, steps: int) -> None:
        self.loader, self.steps = loader, steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Any]:
        return islice(chain.from_iterable(repeat(self.loader)), self.steps)


class StepTrainer(PromptTrainer):
    """With N_ITERS, an epoch is that many steps, and there are as many epochs as shots.

    The rate then falls in a cosine from OPTIM.LR at the first step to 1e-6 behind the last. Without
    it, OPTIM decides, as for other methods.
    """

    def build_model(self) -> None:
        if self.steps:
            shots = self.cfg.DATASET.NUM_SHOTS
            if shots < 1:
                raise ValueError(
                    f"TRAINER.{self.section}.N_ITERS {self.steps} counts steps for each shot, and "
                    f"DATASET.NUM_SHOTS is {shots}: set shots, or N_ITERS 0 and OPTIM.MAX_EPOCH"
                )
            print(f"Training: {self.steps} steps for each of {shots} shots, an epoch each")
            self.train_loader_x: Any = Passes(self.train_loader_x, self.steps)
            self.max_epoch = shots
        super().build_model()

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        steps = f"TRAINER.{cls.section}.N_ITERS"
        if not cfg.TRAINER[cls.section].N_ITERS or not key.startswith(OF_EPOCHS):
            return super().unread(cfg, key)
        return f"it trains {steps} steps for each shot, and reads it with {steps} 0"

    @property
    def steps(self) -> int:
        """Of an epoch; 0: a pass over the images."""
        return self.options.N_ITERS

    def build_schedule(self) -> LRScheduler:
        if not self.steps:
            return super().build_schedule()
        return LambdaLR(self.optim, lambda step: self.share_of_rate(step))

    def stages(self) -> list[int]:
        """The steps of the training, over each part of which the rate falls in a cosine."""
        return [self.max_epoch * self.steps]

    def share_of_rate(self, step: int) -> float:
        """Of OPTIM.LR, behind so many steps."""
        lowest = LOWEST_RATE / self.cfg.OPTIM.LR
        for length in self.stages():
            if step < length:
                return lowest + (1 - lowest) * (1 + math.cos(math.pi * step / length)) / 2
            step -= length
        return lowest

    def moves_rate(self) -> bool:
        return True if self.steps else super().moves_rate()
