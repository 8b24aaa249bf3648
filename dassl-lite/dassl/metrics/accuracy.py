"""Top-k accuracy."""

from collections.abc import Sequence

import torch


def compute_accuracy(
    output: torch.Tensor | Sequence[torch.Tensor], target: torch.Tensor, topk: Sequence[int] = (1,)
) -> list[torch.Tensor]:
    """Return, for each k of `topk`, the percentage of images whose class is among the best k.

    Args:
        output: scores (batch, classes); of a sequence, the first element counts.
        target: labels (batch,).

    Returns:
        Tensors of shape (1,), in percent.
    """
    scores = output if isinstance(output, torch.Tensor) else output[0]
    ranking = scores.topk(max(topk), dim=1).indices  # (batch, max k)
    hits = ranking == target.view(-1, 1)
    return [hits[:, :k].any(dim=1).float().mean().mul(100).view(1) for k in topk]
