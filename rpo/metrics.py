"""What a classifier's scores say beyond accuracy: top-5, calibration, and where it errs.

Calibration as in Guo et al.: On Calibration of Modern Neural Networks, ICML 2017.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

BINS = 15
TOP = 5


class Outcome(NamedTuple):
    """What is kept of the scores of some images.

    Attributes:
        truths: (images,).
        classes: with the TOP highest scores, or all if there are fewer, (images, top).
        probabilities: of these, (images, top): the softmax of the scores as the model returns them.
    """

    truths: Tensor
    classes: Tensor
    probabilities: Tensor

    @property
    def predictions(self) -> Tensor:
        """The class with the highest score, (images,)."""
        return self.classes[:, 0]

    @property
    def confidences(self) -> Tensor:
        """Its probability, (images,)."""
        return self.probabilities[:, 0]

    @property
    def top_hits(self) -> Tensor:
        """Whether the truth is among the classes, (images,)."""
        return (self.classes == self.truths[:, None]).any(dim=1)


def outcome(scores: Tensor, labels: Tensor) -> Outcome:
    """From scores (batch, classes) and labels (batch,), on the CPU.

    Of equal scores the first class comes first, as argmax has it.

    Raises:
        FloatingPointError: a score is infinite or NaN, which no accuracy can come from.
    """
    if not torch.isfinite(scores).all():
        raise FloatingPointError(
            "scores are NaN or infinite: a lower OPTIM.LR helps where training did that; otherwise "
            "the backbone's weights are damaged, or need PREC fp32"
        )
    best = scores.argsort(dim=1, descending=True, stable=True)[:, :TOP]
    probabilities = scores.float().softmax(dim=1).gather(1, best)
    return Outcome(*(values.cpu() for values in (labels, best, probabilities)))


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of several batches as one."""
    return Outcome(*(torch.cat(parts) for parts in zip(*outcomes, strict=True)))


def top_accuracy(outcome: Outcome) -> float:
    """Percent of images whose class is among the TOP best; 100 where there are no more classes."""
    return 100 * outcome.top_hits.double().mean().item()


def reliability(outcome: Outcome) -> list[dict[str, Any]]:
    """BINS equal parts of the confidence, each (low, high] (Guo et al., section 2).

    Returns:
        For each its `low`, `high`, `count` of images, and their mean `confidence` and `accuracy`,
        both 0 to 1 and None where there is no image.
    """
    edges = torch.linspace(0, 1, BINS + 1, dtype=torch.float64)
    confidences = outcome.confidences.double()
    places = torch.bucketize(confidences, edges[1:-1])
    counts = places.bincount(minlength=BINS)
    hits = (outcome.predictions == outcome.truths).double()
    means = [
        (places.bincount(values, minlength=BINS) / counts).tolist()
        for values in (confidences, hits)
    ]
    return [
        {
            "low": edges[place].item(),
            "high": edges[place + 1].item(),
            "count": count,
            "confidence": means[0][place] if count else None,
            "accuracy": means[1][place] if count else None,
        }
        for place, count in enumerate(counts.tolist())
    ]


def calibration_error(bins: Sequence[dict[str, Any]]) -> float:
    """ECE in percent, from `reliability` (Guo et al., equation 3)."""
    filled = [part for part in bins if part["count"]]
    gaps = sum(part["count"] * abs(part["accuracy"] - part["confidence"]) for part in filled)
    return 100 * gaps / sum(part["count"] for part in filled)


def class_accuracies(outcome: Outcome, classes: int) -> tuple[list[float | None], list[int]]:
    """Percent right and number of images of each class; None for a class without images."""
    right = outcome.truths[outcome.predictions == outcome.truths].bincount(minlength=classes)
    counts = outcome.truths.bincount(minlength=classes).tolist()
    shares = [100 * hits / n if n else None for hits, n in zip(right.tolist(), counts, strict=True)]
    return shares, counts


def confusion(outcome: Outcome) -> list[list[int]]:
    """The cells of the confusion matrix that are not 0: [truth, prediction, images]."""
    pairs = torch.stack([outcome.truths, outcome.predictions], dim=1)
    cells, counts = pairs.unique(dim=0, return_counts=True)
    return [[*cell, count] for cell, count in zip(cells.tolist(), counts.tolist(), strict=True)]


def details(outcome: Outcome, classes: int) -> dict[str, Any]:
    """What results.json says of each class, of confusions and of calibration."""
    shares, counts = class_accuracies(outcome, classes)
    return {
        "per_class_accuracy": shares,
        "per_class_count": counts,
        "confusion": confusion(outcome),
        "reliability": reliability(outcome),
    }


def overall(outcome: Outcome) -> dict[str, float]:
    """Every metric of results.json anew, in percent: what Dassl's evaluator and ours compute."""
    from sklearn.metrics import f1_score  # here, because importing it takes a second

    truths, predictions = outcome.truths.tolist(), outcome.predictions.tolist()
    present = sorted(set(truths))
    correct = sum(truth == guess for truth, guess in zip(truths, predictions, strict=True))
    accuracy = 100.0 * correct / len(truths)
    shares = [
        share for share in class_accuracies(outcome, max(present) + 1)[0] if share is not None
    ]
    return {
        "accuracy": accuracy,
        "error_rate": 100.0 - accuracy,
        "macro_f1": 100.0 * float(f1_score(truths, predictions, average="macro", labels=present)),
        "perclass_accuracy": sum(shares) / len(shares),
        "top5_accuracy": top_accuracy(outcome),
        "ece": calibration_error(reliability(outcome)),
    }
