"""The state of all random generators as plain data, for checkpoints."""

import random
from typing import Any

import numpy as np
import torch


def capture_random_state() -> dict[str, Any]:
    """Return the states of random, numpy, torch and torch.cuda as tensors, lists and numbers."""
    version, words, gauss = random.getstate()
    name, keys, *position = np.random.get_state()
    return {
        "random": [version, list(words), gauss],
        "numpy": [name, [int(key) for key in keys], *position],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Put all generators back to what `capture_random_state` returned.

    The CUDA states are used only on a machine with as many devices as they were taken from.
    """
    version, words, gauss = state["random"]
    random.setstate((version, tuple(words), gauss))
    name, keys, *position = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *position))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
