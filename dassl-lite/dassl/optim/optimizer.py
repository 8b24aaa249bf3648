"""Optimisers by name."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from dassl.utils import check_availability

from .radam import RAdam


def _adam_settings(cfg: Any) -> dict[str, Any]:
    return {"betas": (cfg.ADAM_BETA1, cfg.ADAM_BETA2)}


def _amsgrad_settings(cfg: Any) -> dict[str, Any]:
    return {**_adam_settings(cfg), "amsgrad": True}


def _sgd_settings(cfg: Any) -> dict[str, Any]:
    return {
        "momentum": cfg.MOMENTUM,
        "dampening": cfg.SGD_DAMPNING,
        "nesterov": cfg.SGD_NESTEROV,
    }


def _rmsprop_settings(cfg: Any) -> dict[str, Any]:
    return {"momentum": cfg.MOMENTUM, "alpha": cfg.RMSPROP_ALPHA}


#: name -> class, and what it takes from the configuration besides learning rate and weight decay
OPTIMIZERS: dict[str, tuple[Callable[..., Any], Callable[[Any], dict[str, Any]]]] = {
    "adam": (torch.optim.Adam, _adam_settings),
    "amsgrad": (torch.optim.Adam, _amsgrad_settings),
    "sgd": (torch.optim.SGD, _sgd_settings),
    "rmsprop": (torch.optim.RMSprop, _rmsprop_settings),
    "radam": (RAdam, _adam_settings),
    "adamw": (torch.optim.AdamW, _adam_settings),
}


def build_optimizer(
    model: nn.Module | Iterable[Any], optim_cfg: Any, param_groups: Any = None
) -> torch.optim.Optimizer:
    """Return the optimiser named by `optim_cfg.NAME`.

    Args:
        model: a module, or the parameters (or parameter groups) themselves.
        optim_cfg: the section `cfg.OPTIM`.
        param_groups: parameters to use instead of the model's.

    Raises:
        UnknownNameError: no such optimiser, or no such layer in OPTIM.NEW_LAYERS.
        ValueError: the optimiser refuses a value, or values that do not go together.
        TypeError: OPTIM.STAGED_LR is on and `model` is not a module.
    """
    check_availability(optim_cfg.NAME, OPTIMIZERS, kind="optimizer")
    if param_groups is None:
        param_groups = _param_groups(model, optim_cfg)
    optimizer, settings = OPTIMIZERS[optim_cfg.NAME]
    rates = {"lr": optim_cfg.LR, "weight_decay": optim_cfg.WEIGHT_DECAY}
    try:
        return optimizer(param_groups, **rates, **settings(optim_cfg))
    except ValueError as error:
        raise ValueError(f"OPTIM, for {optim_cfg.NAME}: {error}") from error


def _param_groups(model: nn.Module | Iterable[Any], optim_cfg: Any) -> Iterable[Any]:
    if optim_cfg.STAGED_LR:
        return _staged_groups(model, optim_cfg)
    return model.parameters() if isinstance(model, nn.Module) else model


def _staged_groups(model: nn.Module | Iterable[Any], optim_cfg: Any) -> list[dict[str, Any]]:
    """Return one group at LR * BASE_LR_MULT and one, of the children in NEW_LAYERS, at LR."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"OPTIM.STAGED_LR needs a module, got a {type(model).__name__}")
    inner = model.module if isinstance(model, nn.DataParallel) else model
    children = dict(inner.named_children())
    names = optim_cfg.NEW_LAYERS
    new_layers = [names] if isinstance(names, str) and names else list(names)
    for name in new_layers:
        check_availability(name, children, kind="layer in OPTIM.NEW_LAYERS")
    if not new_layers:
        warnings.warn("OPTIM.NEW_LAYERS is empty: every layer is a base layer", stacklevel=4)
    new = [p for name in children if name in new_layers for p in children[name].parameters()]
    base = [p for name in children if name not in new_layers for p in children[name].parameters()]
    return [{"params": base, "lr": optim_cfg.LR * optim_cfg.BASE_LR_MULT}, {"params": new}]
