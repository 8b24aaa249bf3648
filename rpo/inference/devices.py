"""Where a model computes: PyTorch's names of devices, refused where there is no such device."""

from typing import Any

import torch


def find_device(name: str) -> torch.device:
    """The device of a name; of "auto" the quickest kind that is here.

    Raises:
        ValueError: there is no such device, or none here.
    """
    if name == "auto":
        return torch.device(quickest())
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"there is no device {name!r}: auto, cpu, cuda, cuda:1, mps") from error
    count = counted(device.type)
    if (device.index or 0) >= count:
        here = ", ".join(f"{device.type}:{index}" for index in range(count)) or quickest()
        raise ValueError(f"the device {name!r} is not here; {here} can be used")
    return device


def counted(kind: str) -> int:
    """How many devices of a kind are here."""
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    module: Any = getattr(torch, kind, None)  # "meta", which computes nothing, has none
    return module.device_count() if hasattr(module, "device_count") else 0


def quickest() -> str:
    """The kind that "auto" means here."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
