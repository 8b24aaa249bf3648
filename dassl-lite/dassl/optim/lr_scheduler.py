"""Learning-rate schedules by name, with or without warm-up."""

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dassl.utils import check_availability

from .schedules import (
    ConstantWarmupScheduler,
    CosineDecay,
    LinearWarmupScheduler,
    MultiStepDecay,
    StepDecay,
    WarmupScheduler,
)


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
