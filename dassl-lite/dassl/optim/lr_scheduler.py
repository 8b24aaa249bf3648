"""Learning-rate schedules by name, stepped once an epoch, with or without warm-up.

What a schedule stores is how far it got, in plain numbers. Lengths and rates come from the
configuration, so a resumed run follows its configuration from exactly where it stopped.
"""

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR, StepLR

from dassl.utils import check_availability

_PROGRESS = ("last_epoch", "_step_count", "_last_lr")


class ProgressState(LRScheduler):
    """Stores and restores how far a schedule got, and nothing else."""

    def state_dict(self) -> dict[str, Any]:
        """Return epoch, step count and latest rates."""
        return {name: vars(self)[name] for name in _PROGRESS}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from `state_dict`; entries of other kinds are ignored."""
        vars(self).update({name: state_dict[name] for name in _PROGRESS})


class StepDecay(ProgressState, StepLR):
    """torch's StepLR with a plain state."""


class MultiStepDecay(ProgressState, MultiStepLR):
    """torch's MultiStepLR with a plain state."""


class CosineDecay(ProgressState, CosineAnnealingLR):
    """torch's CosineAnnealingLR with a plain state."""


class WarmupScheduler(ProgressState):
    """Sets its own rates for `warmup_epoch` epochs, then hands over to `successor`."""

    def __init__(
        self, optimizer: Optimizer, successor: LRScheduler, warmup_epoch: int, first_lr: float
    ) -> None:
        self.successor = successor
        self.warmup_epoch = warmup_epoch
        self.first_lr = first_lr
        super().__init__(optimizer)  # the parent's constructor already asks for the first rates

    def warmup_lr(self) -> list[Any]:
        """Return the rate of each parameter group in epoch `self.last_epoch` (from 0)."""
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        """Return the rate of each parameter group."""
        if self.last_epoch >= self.warmup_epoch:
            return self.successor.get_last_lr()
        return self.warmup_lr()

    def step(self, epoch: int | None = None) -> None:
        """Move on by one epoch."""
        if self.last_epoch < self.warmup_epoch:
            super().step(epoch)
        else:
            self.successor.step(epoch)
            self._last_lr = self.successor.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """Return the progress of both schedules."""
        return {**super().state_dict(), "successor": self.successor.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue both schedules."""
        super().load_state_dict(state_dict)
        self.successor.load_state_dict(state_dict["successor"])


class ConstantWarmupScheduler(WarmupScheduler):
    """Warm-up at `first_lr` throughout."""

    def warmup_lr(self) -> list[Any]:
        """Return `first_lr` for each group."""
        return [self.first_lr for _ in self.base_lrs]


class LinearWarmupScheduler(WarmupScheduler):
    """Warm-up from `first_lr` in even steps towards the full rate."""

    def warmup_lr(self) -> list[Any]:
        """Return `first_lr` in the first epoch, then the reached share of the full rate."""
        if self.last_epoch == 0:
            return [self.first_lr for _ in self.base_lrs]
        return [lr * self.last_epoch / self.warmup_epoch for lr in self.base_lrs]


def _single_step(optimizer: Optimizer, cfg: Any) -> StepDecay:
    size = cfg.STEPSIZE[-1] if isinstance(cfg.STEPSIZE, (list, tuple)) else cfg.STEPSIZE
    return StepDecay(optimizer, step_size=size if size > 0 else cfg.MAX_EPOCH, gamma=cfg.GAMMA)


def _multi_step(optimizer: Optimizer, cfg: Any) -> MultiStepDecay:
    return MultiStepDecay(optimizer, milestones=list(cfg.STEPSIZE), gamma=cfg.GAMMA)


def _cosine(optimizer: Optimizer, cfg: Any) -> CosineDecay:
    return CosineDecay(optimizer, T_max=cfg.MAX_EPOCH)


SCHEDULERS: dict[str, Callable[[Optimizer, Any], LRScheduler]] = {
    "single_step": _single_step,
    "multi_step": _multi_step,
    "cosine": _cosine,
}

#: name -> class, and the configuration key of the rate that it starts with
WARMUPS: dict[str, tuple[Callable[..., WarmupScheduler], str]] = {
    "constant": (ConstantWarmupScheduler, "WARMUP_CONS_LR"),
    "linear": (LinearWarmupScheduler, "WARMUP_MIN_LR"),
}


def build_lr_scheduler(optimizer: Optimizer, optim_cfg: Any) -> LRScheduler:
    """Return the schedule named by `optim_cfg.LR_SCHEDULER`, behind a warm-up if one is asked.

    Args:
        optim_cfg: the section `cfg.OPTIM`.

    Raises:
        UnknownNameError: no such schedule or warm-up.
    """
    check_availability(optim_cfg.LR_SCHEDULER, SCHEDULERS, kind="lr scheduler")
    scheduler = SCHEDULERS[optim_cfg.LR_SCHEDULER](optimizer, optim_cfg)
    if optim_cfg.WARMUP_EPOCH <= 0:
        return scheduler
    check_availability(optim_cfg.WARMUP_TYPE, WARMUPS, kind="warm-up type")
    if not optim_cfg.WARMUP_RECOUNT:
        scheduler.last_epoch = optim_cfg.WARMUP_EPOCH
    warmup, first_lr = WARMUPS[optim_cfg.WARMUP_TYPE]
    return warmup(optimizer, scheduler, optim_cfg.WARMUP_EPOCH, optim_cfg[first_lr])
