"""Distances between two sets of features."""

import torch
from torch.nn.functional import normalize


def compute_distance_matrix(
    input1: torch.Tensor, input2: torch.Tensor, metric: str = "euclidean"
) -> torch.Tensor:
    """Return the distances (n, m) between features (n, width) and (m, width).

    Args:
        metric: "euclidean", which means the squared distance as in Dassl, or "cosine", 1 less the
            cosine.

    Raises:
        ValueError: the features do not match, or there is no such metric.
    """
    if input1.dim() != 2 or input2.dim() != 2 or input1.shape[1] != input2.shape[1]:
        raise ValueError(
            f"features of shape (n, width) are needed, not {tuple(input1.shape)} and "
            f"{tuple(input2.shape)}"
        )
    if metric == "cosine":
        return 1 - normalize(input1, dim=1) @ normalize(input2, dim=1).T
    if metric != "euclidean":
        raise ValueError(f'the metric "{metric}" is neither "euclidean" nor "cosine"')
    squares1, squares2 = (each.square().sum(dim=1) for each in (input1, input2))
    return squares1[:, None] + squares2 - 2 * input1 @ input2.T
