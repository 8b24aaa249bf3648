"""What a trainer relies on in a method, said before PyTorch says it in other words."""

from typing import Any

from torch import Tensor, nn

from rpo.methods.base import TAKES


def check_class(trainer: Any) -> None:
    """Raises ValueError for a trainer without a method, or a method that `takes` the unknown."""
    name, method = f"the trainer {trainer.__module__}.{trainer.__name__}", trainer.method
    if method is None:
        raise ValueError(f"{name} has no method: it names its class, as in method = rpo.RPO")
    if method.takes not in TAKES:
        known = ", ".join(TAKES)
        raise ValueError(f'{method.__name__} takes "{method.takes}"; it can take {known}')


def check_learner(method: Any) -> None:
    """Raises TypeError unless `learner()` is a module that learns, and holds nothing of CLIP."""
    learner, name = method.learner(), f"{type(method).__name__}.learner()"
    if not isinstance(learner, nn.Module):
        raise TypeError(f"{name} gives a {type(learner).__name__}; it gives a module, what learns")
    learnt = {id(parameter) for parameter in learner.parameters()}
    if not learnt:
        raise TypeError(f"{name} gives a module without parameters: it gives what learns")
    for key, parameter in method.clip.named_parameters():
        if id(parameter) in learnt:
            raise TypeError(
                f"{name} holds CLIP's own {key}, which would be trained and saved: CLIP stays as "
                "it is. Let the learner hold nothing but what learns"
            )


def check_loss(method: Any, found: Any, batch: int, classes: int) -> None:
    """Raises TypeError unless this is what `loss` should give."""
    name = f"{type(method).__name__}.loss"
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], Tensor)):
        given = type(found).__name__
        raise TypeError(f"{name} gives a {given}; it gives a pair: the loss, and the logits")
    if found[0].dim():
        raise TypeError(f"{name} gives a loss of shape {tuple(found[0].shape)}; it is a scalar")
    check_logits(method, found[1], batch, classes)


def check_logits(method: Any, logits: Any, batch: int, classes: int) -> None:
    """Raises TypeError unless these are logits (batch, classes)."""
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else f"of a {type(logits).__name__}"
    if shape != (batch, classes):
        raise TypeError(
            f"{type(method).__name__} gives logits {shape}; for {batch} images and {classes} "
            f"classes they are {(batch, classes)}"
        )
