"""torch.compile on what RPO computes in every step."""

import torch

from rpo.model import ReadOnlyModel

# `reduce-overhead` captures CUDA graphs; on a CPU it is `default`.
MODES = ("none", "default", "reduce-overhead")
# Of PyTorch; 2.4 cannot compute a compiled block of classes anew in the backward pass.
OLDEST = "2.8"


def compile_passes(model: ReadOnlyModel, mode: str, backend: str = "inductor") -> ReadOnlyModel:
    """Compiles, in place and when first called, a model's pass over images and over class texts.

    Logits stay equal to 1e-5, gradients to 1e-4 of their length in float32. Compiling takes from
    seconds to minutes and needs a C++ compiler on a CPU.

    Raises:
        ValueError: PyTorch is older than OLDEST.
    """
    if mode == "none":
        return model
    if torch.__version__ < OLDEST:
        raise ValueError(
            f'compiling ("{mode}") needs PyTorch {OLDEST} or later, and this is '
            f"{torch.__version__}: set TRAINER.RPO.COMPILE none"
        )
    chosen = mode if backend == "inductor" else None  # other backends have no modes
    for name in ("read_images", "read_layers"):
        # One graph a shape: a block that is computed anew must find the graph it had before.
        plain = getattr(model, name)
        setattr(model, name, torch.compile(plain, backend=backend, mode=chosen, dynamic=False))
    return model
