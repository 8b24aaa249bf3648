"""Checkpoints: written whole, as plain data only; read without running anything in them."""

import os
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from . import inert_pickle
from .atomic import atomic_path
from .tools import mkdir_if_missing

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
    model_name = model_name or epoch_model_name(state["epoch"])
    for name in [model_name, BEST_MODEL_NAME] if is_best else [model_name]:
        with atomic_path(os.path.join(save_dir, name)) as temporary:
            torch.save(state, temporary)
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
    return os.path.isfile(_pointer(directory))


def latest_checkpoint(directory: str) -> str:
    """Return the path of the newest checkpoint in `directory`; see `has_checkpoint`."""
    with open(_pointer(directory)) as file:
        return os.path.join(directory, file.readline().strip())


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
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f'"{fpath}" is not a checkpoint: {reason}') from error
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
