"""Helpers for modules: loading weights, unfreezing, counting."""

import warnings
from typing import Any

from torch import nn

from .checkpoint import CheckpointError, load_checkpoint, without_module_prefix

#: Buffers that CoOp-style prompt learners compute from the class names when they are built.
CLASS_NAME_BUFFERS = ("token_prefix", "token_suffix")


def load_weights(model: nn.Module, state_dict: dict[str, Any]) -> None:
    """Load `state_dict` into `model`, every key of it, but for `CLASS_NAME_BUFFERS`.

    Those belong to the classes of the run that stored them, not to the model's.

    Raises:
        RuntimeError: a key is missing or unknown, or a shape differs.
    """
    weights = {key: value for key, value in state_dict.items() if not _of_class_names(key)}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [key for key in missing if not _of_class_names(key)]
    if missing or unexpected:
        raise RuntimeError(
            f"The checkpoint does not fit {type(model).__name__}: "
            f"missing {missing or 'nothing'}, unexpected {unexpected or 'nothing'}"
        )


def _of_class_names(key: str) -> bool:
    return key.rpartition(".")[2] in CLASS_NAME_BUFFERS


def load_pretrained_weights(model: nn.Module, weight_path: str) -> None:
    """Load from the checkpoint `weight_path` whatever fits `model` by name and shape.

    The file holds a state dict or a checkpoint around one. A "module." that DataParallel left
    in the names is ignored. What does not fit is named in a warning.

    Raises:
        CheckpointError: nothing fits.
    """
    checkpoint = load_checkpoint(weight_path)
    stored = without_module_prefix(checkpoint.get("state_dict", checkpoint))
    own = model.state_dict()
    fitting = {
        key: value
        for key, value in stored.items()
        if key in own and getattr(value, "shape", None) == own[key].shape
    }
    if not fitting:
        raise CheckpointError(
            f'Nothing in "{weight_path}" fits {type(model).__name__}: it holds {sorted(stored)}, '
            f"the model has {sorted(own)}"
        )
    model.load_state_dict(fitting, strict=False)
    print(f'Loaded pretrained weights from "{weight_path}"')
    if len(fitting) < len(stored):
        rest = [key for key in stored if key not in fitting]
        warnings.warn(f"Left out, for another name or shape: {rest}", stacklevel=2)


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
