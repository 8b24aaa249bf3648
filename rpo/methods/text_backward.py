"""Text features of many classes: a graph that fits into memory, a backward pass where it matters.

What autograd keeps of K prompts a class fills memory at some hundred classes, so classes are read
in blocks. Of as many blocks as fit, the graph is kept; the others are read again in the backward
pass, when the loss has said how much each class matters to it: with a tolerance t, the classes with
the smallest gradients are left out, as long as all of these together hold no more than a share of
t squared of the squared gradient on the text features. With t = 0 none is, and the gradient exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from rpo.memory import blocks_at_once, classes_at_once

# Text prompts (1, K, width) and some of the classes to their features (classes, K, embedding).
Reader: TypeAlias = Callable[[Tensor, slice | Tensor], Tensor]


@dataclass
class TextBackward:
    """How the features of all classes are computed and differentiated.

    Attributes:
        chunk: classes a block, of which none keeps its graph; 0: as memory allows.
        tolerance: t, from 0 to below 1.
        dropped: of the last backward pass, the share of the gradient's length that was left out;
            at most t.
        differentiated: the number of classes that were not.
    """

    chunk: int = 0
    tolerance: float = 0.0
    dropped: float = 0.0
    differentiated: int = 0

    def features(self, read: Reader, prompts: Tensor, classes: int, layers: int) -> Tensor:
        """(classes, K, embedding), differentiable in `prompts` (1, K, width).

        Args:
            layers: that prompts pass through.
        """
        size = self.chunk or classes_at_once(prompts, layers)
        blocks = [slice(start, start + size) for start in range(0, classes, size)]
        if not (torch.is_grad_enabled() and prompts.requires_grad):
            return torch.cat([read(prompts, block) for block in blocks])
        kept = len(blocks)
        if self.tolerance:
            kept = 0
        elif kept > 1:
            kept = 0 if self.chunk else blocks_at_once(prompts, layers, size)
        return Reading.apply(prompts, self, read, blocks, kept)

    def chosen(self, gradients: Tensor, blocks: list[slice]) -> list[slice | Tensor]:
        """The classes to differentiate, in blocks, by the loss's gradients (classes, K, embedding).

        Sets `dropped` and `differentiated`.
        """
        squared = gradients.float().pow(2).sum(dim=(1, 2))
        rising, order = squared.sort()
        running, total = rising.double().cumsum(0), squared.double().sum()
        out = running <= self.tolerance**2 * total
        if not (self.tolerance and torch.isfinite(total)):
            out = torch.zeros_like(out)
        count = int(out.sum())
        self.differentiated = len(order) - count
        self.dropped = float((running[count - 1] / total).sqrt()) if count and total > 0 else 0.0
        if not count:
            return list(blocks)
        return list(order[count:].sort().values.split(blocks[0].stop))


class Reading(torch.autograd.Function):
    """`read` for all classes; its backward pass reads again what has no graph."""

    @staticmethod
    def forward(
        ctx: Any, prompts: Tensor, how: TextBackward, read: Reader, blocks: list[slice], kept: int
    ) -> Tensor:
        leaf = prompts.detach().requires_grad_()
        with torch.enable_grad():
            graphs = [read(leaf, block) for block in blocks[:kept]]
        rest = [read(prompts, block) for block in blocks[kept:]]
        ctx.how, ctx.read, ctx.blocks, ctx.leaf, ctx.graphs = how, read, blocks, leaf, graphs
        ctx.autocast = _autocast_in_force(prompts.device.type)
        return torch.cat([*(graph.detach() for graph in graphs), *rest])

    @staticmethod
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        total = None
        # From the last to the first, in which order autograd itself would add them.
        for index, classes in reversed(list(enumerate(ctx.how.chosen(gradients, ctx.blocks)))):
            if index < len(ctx.graphs):
                features = ctx.graphs[index]
            else:
                with torch.enable_grad(), ctx.autocast():
                    features = ctx.read(ctx.leaf, classes)
            (part,) = torch.autograd.grad(features, ctx.leaf, gradients[classes])
            total = part if total is None else total + part
        ctx.graphs = []
        return (torch.zeros_like(ctx.leaf) if total is None else total), None, None, None, None


def _autocast_in_force(device: str) -> Callable[[], torch.autocast]:
    """The autocast that this code runs under, to be entered again."""
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    return lambda: torch.autocast(device, dtype, enabled)
