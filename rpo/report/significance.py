"""How sure a difference is: bootstrap, McNemar's exact test, Holm's correction."""

from collections.abc import Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000
BATCH = 50  # resamples at once, which bounds the memory


def bootstrapped(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], dataset: str
) -> list[dict[str, Any]]:
    """Of each part, and of H where there are two, the difference with its interval and p.

    The seeds, if there are several, and the images of each part are drawn anew, the same for both
    methods, and for all methods on a dataset; on another dataset independently. The interval is
    that of the percentiles; p is that of a normal distribution with the bootstrap's standard error.
    """
    from scipy import stats

    seeds = [np.arange(len(ours[0]))] if len(ours[0]) > 1 else []
    images = [np.arange(part.shape[1]) for part in ours]

    def statistic(*drawn: np.ndarray, axis: int) -> np.ndarray:
        counts = [
            drawn_counts(places, len(all_of_them))
            for places, all_of_them in zip(drawn, [*seeds, *images], strict=True)
        ]
        weights = counts.pop(0) if seeds else np.ones((*counts[0].shape[:-1], 1))
        return measured(ours, weights, counts) - measured(theirs, weights, counts)

    made = stats.bootstrap(
        (*seeds, *images),
        statistic,
        n_resamples=RESAMPLES,
        batch=BATCH,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(list(dataset.encode())),
    )
    each = [np.ones(part.shape[1]) for part in ours]
    values = [measured(parts, np.ones(len(ours[0])), each) for parts in (ours, theirs)]
    interval = made.confidence_interval
    return [
        {
            "ours": float(mine),
            "theirs": float(other),
            "low": float(interval.low[place]),
            "high": float(interval.high[place]),
            "p": p_value(mine - other, made.standard_error[place]),
            "resampled": made.bootstrap_distribution[place],
        }
        for place, (mine, other) in enumerate(zip(*values, strict=True))
    ]


def drawn_counts(places: np.ndarray, size: int) -> np.ndarray:
    """How often each of `size` things was drawn, (..., size), of the places drawn, (..., size)."""
    rows = places.reshape(-1, size)
    offsets = size * np.arange(len(rows))[:, None]
    counts = np.bincount((rows + offsets).ravel(), minlength=rows.size)
    return counts.reshape(places.shape).astype(np.float32)


def measured(
    parts: Sequence[np.ndarray], seeds: np.ndarray, images: Sequence[np.ndarray]
) -> np.ndarray:
    """Percent right in each part, and H of two: means over the seeds, (measures, ...).

    Args:
        parts: whether answers are right, each (seeds, images).
        seeds: how often each seed counts, (..., seeds).
        images: how often each image of a part counts, each (..., images).
    """
    shares = [
        100 * (counts @ part.T.astype(np.float32)).astype(float) / part.shape[1]  # exact till here
        for part, counts in zip(parts, images, strict=True)
    ]
    if len(shares) == 2:
        base, new = shares
        shares = [base, new, 2 * base * new / np.maximum(base + new, np.finfo(float).tiny)]
    return np.stack([np.average(share, axis=-1, weights=seeds) for share in shares])


def p_value(difference: float, error: float) -> float:
    """Two-sided, that a difference with this standard error is due to chance."""
    from scipy import stats

    return float(2 * stats.norm.sf(abs(difference) / error)) if error else float(difference == 0)


def mcnemar(ours: np.ndarray, theirs: np.ndarray) -> tuple[int, int, float]:
    """Images won and lost, and the exact p of McNemar's test that both are as likely.

    With several seeds an image is won if ours is right on it in more of them: seeds see the same
    images, and would not be independent.
    """
    from scipy.stats import binomtest

    lead = ours.sum(axis=0, dtype=int) - theirs.sum(axis=0, dtype=int)
    won, lost = int((lead > 0).sum()), int((lead < 0).sum())
    return won, lost, float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def holm(values: Sequence[float]) -> list[float]:
    """Values of p, corrected for their number (Holm 1979)."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(values, method="holm")[1]] if values else []
