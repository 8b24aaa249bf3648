"""torch.compile on what RPO computes in every step."""

from typing import Any

import torch

# `reduce-overhead` captures CUDA graphs; on a CPU it is `default`.
MODES = ("none", "default", "reduce-overhead")
# Of PyTorch; 2.4 cannot compute a compiled block of classes anew in the backward pass.
OLDEST = "2.8"


def compile_form(form: Any, mode: str, backend: str = "inductor") -> Any:
    """Compiles, in place and when first called, the passes of a `CachedForm`.

    Logits stay equal to 1e-5, gradients to 1e-4 of their length in float32. Compiling takes from
    seconds to minutes and needs a C++ compiler on a CPU.

    Raises:
        ValueError: PyTorch is older than OLDEST.
    """
    if mode == "none":
        return form
    if torch.__version__ < OLDEST:
        raise ValueError(
            f'compiling ("{mode}") needs PyTorch {OLDEST} or later, and this is '
            f"{torch.__version__}: set TRAINER.RPO.COMPILE none"
        )
    chosen = mode if backend == "inductor" else None  # other backends have no modes
    for name in ("read_images", "read_layers"):
        # One graph a shape: a block that is recomputed must find the graph it had before.
        plain = getattr(form, name)
        setattr(form, name, torch.compile(plain, backend=backend, mode=chosen, dynamic=False))
    return form
