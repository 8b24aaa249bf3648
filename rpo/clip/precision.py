"""What the towers compute in. Prompts are float32 in every precision."""

import contextlib
from typing import Any

import torch

# fp16: the weights OpenAI keeps in half precision stay so. bf16: the same weights in bfloat16.
# amp: float32 weights, products under autocast (float16 on CUDA, bfloat16 on CPU).
PRECISIONS = ("fp32", "fp16", "bf16", "amp")


def set_precision(clip: Any, precision: str) -> None:
    """Converts, in place, a CLIP as OpenAI builds it, half the weights in float16, or a `Backbone`.

    Raises:
        ValueError: `precision` is not one of PRECISIONS.
    """
    if precision not in PRECISIONS:
        raise ValueError(f'precision "{precision}" is not one of {", ".join(PRECISIONS)}')
    if hasattr(clip, "convert"):
        clip.convert(precision)
    elif precision in ("fp32", "amp"):
        clip.float()
    elif precision == "bf16":
        for parameter in clip.parameters():
            if parameter.dtype == torch.float16:
                parameter.data = parameter.data.bfloat16()


def processor_precision() -> str:
    """What this CPU multiplies in: bf16 where it has instructions for it, else fp32."""
    # Older versions of PyTorch cannot tell.
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else "fp32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """The context to run a model in: autocast for `amp`, nothing for the others."""
    if precision != "amp":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.float16 if device.type == "cuda" else torch.bfloat16)


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """The precision of products under the autocast in force, or None outside of one."""
    if not torch.is_autocast_enabled(device.type):
        return None
    return torch.get_autocast_dtype(device.type)
