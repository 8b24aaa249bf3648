"""How many classes a training step may hold at once, and how much memory a process has used."""

import contextlib
import sys
from pathlib import Path

import torch
from torch import Tensor

CPU_BUDGET = 2**29
# Of a GPU's memory. A fixed share, not what happens to be free: the same run gives the same sums.
GPU_SHARE = 0.25
# What one prompt leaves in one layer for the backward pass, in units of the width: the inputs of
# both normalisations and of the attention (4), its output (1), and the MLP's hidden layer (4).
KEPT_PER_PROMPT = 9


def classes_at_once(prompts: Tensor, layers: int) -> int:
    """The number of classes whose text prompts fit into the budget for one backward pass.

    Args:
        prompts: (1, K, width), as every class has them.
        layers: that they pass through.
    """
    bytes_per_class = prompts.numel() * prompts.element_size() * layers * KEPT_PER_PROMPT
    return max(1, int(_budget(prompts.device) // bytes_per_class))


def _budget(device: torch.device) -> float:
    """In bytes."""
    if device.type == "cuda":
        return GPU_SHARE * torch.cuda.get_device_properties(device).total_memory
    return CPU_BUDGET


def reset_peak() -> None:
    """Starts the gauge anew, where the system lets a process do that (CUDA and Linux)."""
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes(device: torch.device) -> float | None:
    """The most memory used since `reset_peak`, in MiB: on CUDA by tensors, else by the process.

    None on Windows, which does not keep count.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 2**10  # from KiB
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
