"""Text features of many classes: a graph that fits into memory, a backward pass where it matters.

What autograd keeps of K prompts a class fills memory at some hundred classes, so classes are read
in blocks. Of as many blocks as fit, the graph is kept; the others are read again in the backward
pass, when the loss has said how much each class matters to it: with a tolerance t, the classes with
the smallest gradients are left out, as long as all of these together hold no more than a share of
t squared of the squared gradient on the text features. With t = 0 none is, and the gradient exact.

The features of the step before tell which classes are likely to matter. With a tolerance, graphs
are kept of those: a wrong guess costs time, and changes the gradient by rounding only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rpo.memory import blocks_at_once, classes_at_once

Classes: TypeAlias = slice | Tensor
# Text prompts (1, K, width) and some of the classes to their features (classes, K, embedding).
Reader: TypeAlias = Callable[[Tensor, Classes], Tensor]


@dataclass
class Blocks:
    """All classes, at most `size` a block: those whose graph is kept, and the others."""

    size: int
    kept: list[Classes]
    others: list[Classes]


@dataclass
class TextBackward:
    """How the features of all classes are computed and differentiated.

    Attributes:
        chunk: classes a block, of which none keeps its graph if there are several; 0: as memory
            allows.
        tolerance: t, from 0 to below 1.
        dropped: with a tolerance, of the last backward pass, the share of the gradient's length
            that was left out; at most t.
        differentiated: the number of classes that were not.
        last: the features (classes, K, embedding) of the last training step.
    """

    chunk: int = 0
    tolerance: float = 0.0
    dropped: float = 0.0
    differentiated: int = 0
    last: Tensor | None = None

    def features(
        self,
        read: Reader,
        prompts: Tensor,
        classes: int,
        layers: int,
        importance: Tensor | None = None,
    ) -> Tensor:
        """(classes, K, embedding), differentiable in `prompts` (1, K, width).

        Args:
            layers: that prompts pass through.
            importance: (classes,), the larger, the more a class is likely to matter.
        """
        size = self.chunk or classes_at_once(prompts, layers)
        blocks: list[Classes] = [slice(start, start + size) for start in range(0, classes, size)]
        if not (torch.is_grad_enabled() and prompts.requires_grad):
            return torch.cat([read(prompts, block) for block in blocks])
        kept = 0 if self.tolerance else len(blocks)
        if importance is not None:
            likely, unlikely = self._guess(importance, size)
            blocks, kept = [*likely, *unlikely], len(likely)
        if kept and len(blocks) > 1:
            kept = 0 if self.chunk else min(kept, blocks_at_once(prompts, layers, size))
        features: Tensor = Reading.apply(
            prompts, self, read, Blocks(size, blocks[:kept], blocks[kept:])
        )
        self.last = features.detach() if self.tolerance else None
        return features

    def _guess(self, importance: Tensor, size: int) -> list[list[Classes]]:
        """As many classes as mattered in the step before, and the others, in blocks."""
        order = importance.argsort(descending=True)
        parts = order[: self.differentiated], order[self.differentiated :]
        return [list(part.sort().values.split(size)) if len(part) else [] for part in parts]

    def chosen(self, gradients: Tensor) -> Tensor:
        """(classes,), true for those to differentiate, by the loss's gradients on their features.

        Sets `dropped` and `differentiated`.

        Args:
            gradients: (classes, K, embedding).
        """
        squared = gradients.float().pow(2).sum(dim=(1, 2))
        rising, order = squared.sort()
        running, total = rising.double().cumsum(0), squared.double().sum()
        out = (running <= self.tolerance**2 * total) & torch.isfinite(total)
        count = int(out.sum())
        self.differentiated = len(order) - count
        self.dropped = float((running[count - 1] / total).sqrt()) if count and total > 0 else 0.0
        return torch.ones_like(out).index_fill(0, order[:count], False)


class Reading(torch.autograd.Function):
    """`read` for all classes; its backward pass reads again what matters and has no graph."""

    @staticmethod
    def forward(
        ctx: Any, prompts: Tensor, how: TextBackward, read: Reader, blocks: Blocks
    ) -> Tensor:
        leaf = prompts.detach().requires_grad_()
        with torch.enable_grad():
            graphs = [read(leaf, block) for block in blocks.kept]
        parts = [graph.detach() for graph in graphs]
        parts += [read(prompts, block) for block in blocks.others]
        ctx.how, ctx.read, ctx.blocks, ctx.leaf, ctx.graphs = how, read, blocks, leaf, graphs
        ctx.autocast = _autocast_in_force(prompts.device.type)
        features = parts[0].new_empty(sum(map(len, parts)), *parts[0].shape[1:])
        for block, part in zip([*blocks.kept, *blocks.others], parts, strict=True):
            features[block] = part
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        again, total = ctx.blocks.others, torch.zeros_like(ctx.leaf)
        kept = list(zip(ctx.blocks.kept, ctx.graphs, strict=True))
        if ctx.how.tolerance:
            wanted = ctx.how.chosen(gradients)
            gradients = gradients.where(wanted[:, None, None], 0)
            again = _to_read_again(wanted, ctx.blocks)
            kept = [(classes, features) for classes, features in kept if wanted[classes].any()]
        # From the last to the first, in which order autograd itself would add them.
        for classes in reversed(again):
            with torch.enable_grad(), ctx.autocast():
                features = ctx.read(ctx.leaf, classes)
            total = total + torch.autograd.grad(features, ctx.leaf, gradients[classes])[0]
        for classes, features in reversed(kept):
            total = total + torch.autograd.grad(features, ctx.leaf, gradients[classes])[0]
        # Where the graph is asked a second time, it is read again as a whole.
        everything = [*ctx.blocks.kept, *ctx.blocks.others]
        ctx.graphs, ctx.blocks = [], Blocks(ctx.blocks.size, [], everything)
        return total, None, None, None


def _to_read_again(wanted: Tensor, blocks: Blocks) -> list[Classes]:
    """The wanted classes that have no graph, in as few blocks as hold them."""
    if wanted.all():
        return blocks.others
    wanted = wanted.clone()
    for block in blocks.kept:
        wanted[block] = False
    return list(wanted.nonzero().flatten().split(blocks.size)) if wanted.any() else []


def _autocast_in_force(device: str) -> Callable[[], torch.autocast]:
    """The autocast that this code runs under, to be entered again."""
    enabled, dtype = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
    return lambda: torch.autocast(device, dtype, enabled)
