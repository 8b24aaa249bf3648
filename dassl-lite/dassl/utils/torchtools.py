"""Helpers for modules, under the names of Dassl; those for checkpoints are in `checkpoint`."""

from collections.abc import Callable
from typing import Any

from torch import nn

from .checkpoint import (
    load_checkpoint,
    load_pretrained_weights,
    load_weights,
    resume_from_checkpoint,
    save_checkpoint,
)
from .registry import check_availability

__all__ = [
    "count_num_param",
    "init_network_weights",
    "load_checkpoint",
    "load_pretrained_weights",
    "load_weights",
    "open_all_layers",
    "open_specified_layers",
    "resume_from_checkpoint",
    "save_checkpoint",
]


def open_all_layers(model: nn.Module) -> None:
    """Put `model` into training mode and let all its parameters learn."""
    model.train()
    model.requires_grad_(True)


def count_num_param(model: nn.Module | None = None, params: Any = None) -> int:
    """Return the number of scalars in the parameters of `model`, or in `params`.

    Args:
        params: parameters, or an optimiser's parameter group that has them under "params".

    Raises:
        ValueError: neither is given.
    """
    if model is not None:
        params = model.parameters()
    if params is None:
        raise ValueError("count_num_param needs a model or params")
    if isinstance(params, dict):
        params = params["params"]
    return sum(param.numel() for param in params)


def open_specified_layers(model: nn.Module, open_layers: str | list[str]) -> None:
    """Let the children of `model` that are named learn, and freeze the others.

    Raises:
        UnknownNameError: it has no such child.
    """
    names = [open_layers] if isinstance(open_layers, str) else open_layers
    inner = model.module if isinstance(model, nn.DataParallel) else model
    children = dict(inner.named_children())
    for name in names:
        check_availability(name, children, kind="layer")
    for name, child in children.items():
        child.train(name in names)
        child.requires_grad_(name in names)


def init_network_weights(model: nn.Module, init_type: str = "normal", gain: float = 0.02) -> None:
    """Draw the weights of convolutions and linear layers; biases 0, normalisations the identity.

    Args:
        init_type: normal, xavier, kaiming or orthogonal.
        gain: the standard deviation of normal, the factor of xavier and orthogonal.

    Raises:
        UnknownNameError: no such type.
    """
    draw: dict[str, Callable[[Any], Any]] = {
        "normal": lambda weight: nn.init.normal_(weight, 0.0, gain),
        "xavier": lambda weight: nn.init.xavier_normal_(weight, gain=gain),
        "kaiming": lambda weight: nn.init.kaiming_normal_(weight, a=0, mode="fan_in"),
        "orthogonal": lambda weight: nn.init.orthogonal_(weight, gain=gain),
    }
    check_availability(init_type, draw, kind="init_type")
    for module in model.modules():
        kind, weight = type(module).__name__, getattr(module, "weight", None)
        bias: Any = getattr(module, "bias", None)
        if weight is None or not any(part in kind for part in ("Conv", "Linear", "Norm")):
            continue
        if "Norm" in kind:
            nn.init.constant_(weight, 1.0)
        else:
            draw[init_type](weight)
        if bias is not None:
            nn.init.constant_(bias, 0.0)
