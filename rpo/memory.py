"""How many classes a training step may hold at once, and how much memory a process has used."""

import contextlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

# Of a block of classes. Fixed, not what happens to be free: the same run gives the same sums.
CPU_BUDGET = 2**29
GPU_SHARE = 0.25
# Of the memory that is free, for the graphs of several blocks.
FREE_SHARE = 0.25
# What one prompt leaves in one layer for the backward pass, in units of the width: the inputs of
# both normalisations and of the attention (4), its output (1), and the MLP's hidden layer (4).
KEPT_PER_PROMPT = 9


def classes_at_once(prompts: Tensor, layers: int) -> int:
    """The number of classes whose text prompts fit into the budget for one backward pass.

    Args:
        prompts: (1, K, width), as every class has them.
        layers: that they pass through.
    """
    return max(1, int(_budget(prompts.device) // _bytes_per_class(prompts, layers)))


def blocks_at_once(prompts: Tensor, layers: int, classes: int) -> int:
    """The number of blocks of so many classes whose graphs fit into the memory that is free."""
    free = free_bytes(prompts.device)
    return int(FREE_SHARE * free // (classes * _bytes_per_class(prompts, layers)))


def _bytes_per_class(prompts: Tensor, layers: int) -> int:
    return prompts.numel() * prompts.element_size() * layers * KEPT_PER_PROMPT


def _budget(device: torch.device) -> float:
    """In bytes."""
    if device.type == "cuda":
        return GPU_SHARE * torch.cuda.get_device_properties(device).total_memory
    return CPU_BUDGET


def free_bytes(device: torch.device) -> float:
    """What a process may still take, its control group considered; 0 where nothing tells it."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    with contextlib.suppress(OSError, ValueError, IndexError):
        available = Path("/proc/meminfo").read_text().split("MemAvailable:")[1].split()[0]
        return min(float(available) * 2**10, *_left_in_control_groups(), math.inf)
    return 0.0


def _left_in_control_groups() -> Iterator[float]:
    """Bytes that the group of this process, as of a job or container, and those above it allow."""
    own = Path("/proc/self/cgroup").read_text().rpartition("0::/")[2].splitlines()
    group = Path("/sys/fs/cgroup") / (own or [""])[0]
    for folder in (group, *group.parents):
        with contextlib.suppress(OSError, ValueError):
            limit = int((folder / "memory.max").read_text())  # "max" is none
            yield limit - int((folder / "memory.current").read_text())


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
