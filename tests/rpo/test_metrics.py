"""The metrics against scikit-learn's, and calibration against a slow count."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from rpo.metrics import (
    Outcome,
    calibration_error,
    class_accuracies,
    confusion,
    joined,
    outcome,
    reliability,
    top_accuracy,
)

CLASSES = 8


@pytest.fixture
def scores_and_labels():
    """Scores that lean to the truth, of images none of which shows the last class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES - 1, (300,), generator=generator)
    scores = 2 * torch.randn(300, CLASSES, generator=generator)
    scores[torch.arange(300), labels] += 1.5
    return scores, labels


@pytest.fixture
def batches(scores_and_labels):
    """The same in batches of unequal size."""
    pairs = zip(*(part.split(128) for part in scores_and_labels), strict=True)
    return joined([outcome(scores, labels) for scores, labels in pairs])


def test_top5(scores_and_labels, batches):
    scores, labels = scores_and_labels
    expected = top_k_accuracy_score(labels, scores, k=5, labels=range(CLASSES))
    assert top_accuracy(batches) == pytest.approx(100 * expected) and expected < 1


@pytest.mark.parametrize("classes", [1, 4, 5])
def test_top5_of_few_classes_is_all(classes):
    labels = torch.arange(20) % classes
    assert top_accuracy(outcome(torch.randn(20, classes), labels)) == 100


def test_confusion_and_class_accuracies(scores_and_labels, batches):
    scores, labels = scores_and_labels
    matrix = confusion_matrix(labels, scores.argmax(dim=1), labels=range(CLASSES))
    cells = np.zeros_like(matrix)
    for truth, prediction, count in confusion(batches):
        assert count > 0
        cells[truth, prediction] += count
    assert (cells == matrix).all()
    shares, counts = class_accuracies(batches, CLASSES)
    assert counts == matrix.sum(axis=1).tolist()
    assert shares[:-1] == pytest.approx(100 * np.diag(matrix)[:-1] / counts[:-1])
    assert shares[-1] is None and counts[-1] == 0


def slow_calibration_error(scores, labels):
    """Image by image, in Python: bin m holds confidences in ((m - 1) / 15, m / 15]."""
    bins = [[] for _ in range(15)]
    for row, label in zip(scores.double().softmax(dim=1).tolist(), labels.tolist(), strict=True):
        confidence = max(row)
        number = next(m for m in range(15) if confidence <= (m + 1) / 15 or m == 14)
        bins[number].append((confidence, row.index(confidence) == label))
    gaps = [
        abs(sum(hit for _, hit in part) - sum(confidence for confidence, _ in part))
        for part in bins
    ]
    return 100 * sum(gaps) / len(labels)


def test_calibration(scores_and_labels, batches):
    bins = reliability(batches)
    assert len(bins) == 15 and sum(part["count"] for part in bins) == 300
    assert bins[0]["low"] == 0 and bins[-1]["high"] == 1
    for part in bins:
        if part["count"]:
            assert part["low"] < part["confidence"] <= part["high"] and 0 <= part["accuracy"] <= 1
        else:
            assert part["confidence"] is None and part["accuracy"] is None
    expected = slow_calibration_error(*scores_and_labels)
    assert calibration_error(bins) == pytest.approx(expected, abs=1e-4) and expected > 1


def test_calibration_by_hand():
    """Two images at confidence 0.8, one right; one at 1, right: (2 |0.5 - 0.8| + 0) / 3."""
    made = Outcome(
        truths=torch.tensor([0, 0, 1]),
        classes=torch.tensor([[0], [1], [1]]),
        probabilities=torch.tensor([[0.8], [0.8], [1.0]], dtype=torch.float64),
    )
    bins = reliability(made)
    assert [part["count"] for part in bins] == [0] * 11 + [2, 0, 0, 1]  # 0.8 is an upper edge
    assert calibration_error(bins) == pytest.approx(20)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_accuracy_comes_from_scores_that_are_not_numbers(value):
    scores = torch.zeros(3, 4)
    scores[1, 2] = value
    with pytest.raises(FloatingPointError, match="scores are NaN or infinite"):
        outcome(scores, torch.tensor([0, 1, 2]))


def test_half_precision_scores():
    scores = torch.tensor([[20.0, 10.0, 0.0], [0.0, 30.0, 29.0]]).half()
    made = outcome(scores, torch.tensor([0, 2]))
    torch.testing.assert_close(made.confidences, scores.float().softmax(dim=1).amax(dim=1))
    assert made.predictions.tolist() == [0, 1]
