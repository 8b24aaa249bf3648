"""Checkpoints: written whole, as plain data only; read, and loaded into models, without running
anything in them."""

import io
import os
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from . import inert_pickle
from .inert_pickle import contains_placeholder
from .tools import atomic_path, mkdir_if_missing

BEST_MODEL_NAME = "model-best.pth.tar"


class CheckpointError(RuntimeError):
    """A file that cannot be used as a checkpoint."""


def epoch_model_name(epoch: int) -> str:
    """Return the file name of the checkpoint after `epoch` (counted from 1)."""
    return f"model.pth.tar-{epoch}"


def save_checkpoint(
    state: dict[str, Any],
    save_dir: str,
    is_best: bool = False,
    remove_module_from_keys: bool = True,
    model_name: str = "",
) -> None:
    """Write `state` to a file in `save_dir` and its name to `save_dir`/checkpoint.

    Args:
        state: at least "state_dict" and "epoch"; only tensors and plain data.
        is_best: write the same again as the best model.
        remove_module_from_keys: strip DataParallel's "module." from the parameter names.
        model_name: file name; by default it carries the epoch.

    Raises:
        TypeError: something in `state` is neither tensor nor plain data.
    """
    mkdir_if_missing(save_dir)
    if remove_module_from_keys:
        state = {**state, "state_dict": without_module_prefix(state["state_dict"])}
    state = _plain(state, "checkpoint")
    content = io.BytesIO()  # torch's own writing to a full disk is an error without a cause
    torch.save(state, content)
    model_name = model_name or epoch_model_name(state["epoch"])
    for name in [model_name, BEST_MODEL_NAME] if is_best else [model_name]:
        with atomic_path(os.path.join(save_dir, name)) as temporary, open(temporary, "wb") as file:
            file.write(content.getbuffer())
    print(f"Checkpoint saved to {os.path.join(save_dir, model_name)}")
    with atomic_path(_pointer(save_dir)) as temporary, open(temporary, "w") as file:
        file.write(f"{model_name}\n")


def without_module_prefix(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return `state_dict` with a leading "module." taken off its keys."""
    return {key.removeprefix("module."): value for key, value in state_dict.items()}


def _plain(value: Any, where: str) -> Any:
    """Return `value` with its containers and numbers as Python's own; refuse other objects."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = (_plain(item, f"{where}[{index}]") for index, item in enumerate(value))
        return tuple(items) if isinstance(value, tuple) else list(items)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"{where} is a {type(value).__name__}; a checkpoint holds only tensors and plain data"
    )


def _pointer(directory: str) -> str:
    return os.path.join(directory, "checkpoint")


def has_checkpoint(directory: str) -> bool:
    """Return whether `save_checkpoint` has finished in `directory` at least once."""
    return os.path.isfile(_pointer(directory)) and latest_checkpoint(directory) != ""


def latest_checkpoint(directory: str) -> str:
    """Return the path of the newest checkpoint in `directory`, "" where there is none.

    The file "checkpoint" names it. Where that is damaged, it is the one of the last epoch, which a
    line then says.
    """
    with open(_pointer(directory), encoding="utf-8", errors="replace") as file:
        named = file.readline().strip()
    known = [name for name in os.listdir(directory) if name.startswith("model")]
    if named in known:
        return os.path.join(directory, named)
    epochs = {int(name.rpartition("-")[2]): name for name in known if _NUMBERED.fullmatch(name)}
    if not epochs:
        return ""
    newest = epochs[max(epochs)]
    print(f'{_pointer(directory)} names no checkpoint ("{named}"); {newest} is taken')
    return os.path.join(directory, newest)


_NUMBERED = re.compile(r"model\.pth\.tar-[0-9]+")


def load_checkpoint(fpath: str) -> dict[str, Any]:
    """Return the checkpoint at `fpath`, its tensors on the CPU.

    Whatever the file holds besides tensors and plain data (the original Dassl stores live
    schedulers) comes out as an inert placeholder; no code named by the file is ever run.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no checkpoint.
    """
    if not os.path.isfile(fpath):
        raise FileNotFoundError(f'File is not found at "{fpath}"')
    try:
        checkpoint = _read(fpath)
    except Exception as error:  # a broken file can fail in any way
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(
            f'"{fpath}" is not a checkpoint, or is damaged ({reason}). Remove it, and the training '
            "goes on from an older one beside it, or begins anew"
        ) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'"{fpath}" holds a {type(checkpoint).__name__}, not a checkpoint')
    return checkpoint


def checkpoint_entry(checkpoint: dict[str, Any], name: str, fpath: str) -> Any:
    """Return the entry `name` of the checkpoint that was read from `fpath`.

    Raises:
        CheckpointError: there is no such entry.
    """
    if name not in checkpoint:
        raise CheckpointError(f'"{fpath}" is not a checkpoint of a trainer: it has no "{name}"')
    return checkpoint[name]


def _read(fpath: str) -> Any:
    try:
        return torch.load(fpath, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return torch.load(fpath, map_location="cpu", weights_only=False, pickle_module=inert_pickle)


def resume_from_checkpoint(
    fdir: str, model: nn.Module, optimizer: Any = None, scheduler: Any = None
) -> int:
    """Load the newest checkpoint in the folder `fdir` into all that is given.

    Returns:
        How many epochs were trained, which is the index of the next one.
    """
    return restore_training(latest_checkpoint(fdir), model, optimizer, scheduler)["epoch"]


def restore_training(
    path: str, model: nn.Module, optimizer: Any = None, scheduler: Any = None
) -> dict[str, Any]:
    """Load the checkpoint at `path` into all that is given, and return it.

    Raises:
        CheckpointError: the file lacks an entry, or one of them does not fit.
    """
    print(f'Loading checkpoint from "{path}"')
    checkpoint = load_checkpoint(path)
    epoch = checkpoint_entry(checkpoint, "epoch", path)
    if type(epoch) is not int or epoch < 0:
        raise CheckpointError(f'"{path}" is damaged: its epoch is {epoch!r}')
    weights = checkpoint_entry(checkpoint, "state_dict", path)
    restore(lambda: load_weights(model, weights), "model weights", path)
    print("Loaded model weights")
    for name, target in (("optimizer", optimizer), ("scheduler", scheduler)):
        if target is not None and checkpoint.get(name) is not None:
            entry = _live_entry(checkpoint, name, path)
            restore(partial(target.load_state_dict, entry), name, path)
            print(f"Loaded {name}")
    print(f"Previous epoch: {epoch}")
    return checkpoint


def restore(action: Callable[[], Any], name: str, path: str) -> None:
    """Call `action`, which restores the part `name` of the checkpoint at `path`.

    Raises:
        CheckpointError: that part is damaged or does not fit.
    """
    try:
        action()
    except Exception as error:  # a damaged or foreign entry can fail in any way
        reason = " ".join(str(error).split())
        raise CheckpointError(f'The {name} in "{path}" cannot be continued: {reason}') from error


def _live_entry(checkpoint: dict[str, Any], name: str, path: str) -> Any:
    entry = checkpoint_entry(checkpoint, name, path)
    if contains_placeholder(entry):
        raise CheckpointError(
            f'The {name} in "{path}" was stored as a live object (the original Dassl does that) '
            "and cannot be continued; its weights can: evaluate them with load_model "
            f"(--eval-only), or start a new run from them with MODEL.INIT_WEIGHTS {path} "
            "in another OUTPUT_DIR"
        )
    return entry


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
