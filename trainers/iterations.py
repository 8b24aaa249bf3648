"""Training that is counted in steps, not in passes over the images."""

from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any

from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler

from .base import PromptTrainer

LOWEST_RATE = 1e-6


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

    @property
    def steps(self) -> int:
        """Of an epoch; 0: a pass over the images."""
        return self.options.N_ITERS

    def build_schedule(self) -> LRScheduler:
        if not self.steps:
            return super().build_schedule()
        return CosineAnnealingLR(self.optim, self.max_epoch * self.steps, LOWEST_RATE)

    def moves_rate(self) -> bool:
        return True if self.steps else super().moves_rate()
