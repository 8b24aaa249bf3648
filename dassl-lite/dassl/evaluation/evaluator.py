"""Accuracy and its relatives over a whole split."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from dassl.utils import atomic_path, mkdir_if_missing

from .build import EVALUATOR_REGISTRY


class EvaluatorBase:
    """What a trainer's `test` asks of an evaluator."""

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def process(self, mo: torch.Tensor, gt: torch.Tensor) -> None:
        """Take in the model's output `mo` for a batch, and the truth `gt`."""
        raise NotImplementedError

    def evaluate(self) -> OrderedDict[str, float]:
        """Return metric -> value; the first one decides which model is best."""
        raise NotImplementedError


@EVALUATOR_REGISTRY.register()
class Classification(EvaluatorBase):
    """Accuracy, error and macro F1 in percent; per class and as a matrix where asked.

    Args:
        lab2cname: label -> class name, needed for TEST.PER_CLASS_RESULT.

    Raises:
        ValueError: TEST.PER_CLASS_RESULT is on without `lab2cname`.
    """

    def __init__(self, cfg: Any, lab2cname: dict[int, str] | None = None, **kwargs: Any) -> None:
        super().__init__(cfg)
        if cfg.TEST.PER_CLASS_RESULT and lab2cname is None:
            raise ValueError("TEST.PER_CLASS_RESULT needs the class names (lab2cname)")
        self._lab2cname = lab2cname or {}
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._y_true: list[int] = []
        self._y_pred: list[int] = []

    def process(self, mo: torch.Tensor, gt: torch.Tensor) -> None:
        """Take in scores `mo` (batch, classes) and labels `gt` (batch,)."""
        self._y_pred.extend(mo.argmax(dim=1).tolist())
        self._y_true.extend(gt.tolist())

    def evaluate(self) -> OrderedDict[str, float]:
        """Print and return accuracy, error_rate, macro_f1 and, where asked, perclass_accuracy.

        Raises:
            ValueError: no batch was processed.
        """
        if not self._y_true:
            raise ValueError("There is nothing to evaluate: no batch was processed")
        results = self._overall()
        if self.cfg.TEST.PER_CLASS_RESULT:
            results["perclass_accuracy"] = self._per_class()
        if self.cfg.TEST.COMPUTE_CMAT:
            self._save_confusion_matrix()
        return results

    def _overall(self) -> OrderedDict[str, float]:
        correct, total = self._count(range(len(self._y_true)))
        accuracy = 100.0 * correct / total
        f1 = 100.0 * macro_f1(self._y_true, self._y_pred)
        results = OrderedDict(accuracy=accuracy, error_rate=100.0 - accuracy, macro_f1=f1)
        print(
            "=> result\n"
            f"* total: {total:,}\n"
            f"* correct: {correct:,}\n"
            f"* accuracy: {results['accuracy']:.1f}%\n"
            f"* error: {results['error_rate']:.1f}%\n"
            f"* macro_f1: {results['macro_f1']:.1f}%"
        )
        return results

    def _per_class(self) -> float:
        """Print the accuracy of each class; return their mean."""
        print("=> per-class result")
        accuracies = []
        for label in sorted(set(self._y_true)):
            correct, total = self._count(i for i, y in enumerate(self._y_true) if y == label)
            accuracies.append(100.0 * correct / total)
            print(
                f"* class: {label} ({self._lab2cname[label]})\t"
                f"total: {total:,}\tcorrect: {correct:,}\tacc: {accuracies[-1]:.1f}%"
            )
        mean = sum(accuracies) / len(accuracies)
        print(f"* average: {mean:.1f}%")
        return mean

    def _count(self, indices: Any) -> tuple[int, int]:
        """Return how many predictions at `indices` are correct, and how many there are."""
        hits = [self._y_true[i] == self._y_pred[i] for i in indices]
        return sum(hits), len(hits)

    def _save_confusion_matrix(self) -> None:
        """Write the matrix (true classes, predicted classes), whose rows sum to 1."""
        from sklearn.metrics import confusion_matrix

        matrix = confusion_matrix(self._y_true, self._y_pred, normalize="true")
        mkdir_if_missing(self.cfg.OUTPUT_DIR)
        path = os.path.join(self.cfg.OUTPUT_DIR, "cmat.pt")
        with atomic_path(path) as temporary:
            torch.save(torch.from_numpy(matrix), temporary)
        print(f"Confusion matrix is saved to {path}")


def macro_f1(truths: Sequence[int], predictions: Sequence[int]) -> float:
    """The mean, over the classes that occur in `truths`, of the harmonic mean of recall and
    precision, as scikit-learn gives it, whose import takes a second of every short run.
    """
    classes = max(*truths, *predictions) + 1
    guessed, true = np.asarray(predictions), np.asarray(truths)
    hits, in_truth, in_guesses = (
        np.bincount(labels, minlength=classes) for labels in (true[true == guessed], true, guessed)
    )
    present = in_truth > 0
    return float(np.mean(2 * hits[present] / (in_truth + in_guesses)[present]))
