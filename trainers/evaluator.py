"""Dassl's evaluator, and what else the scores say: top-5, calibration, and where errors lie."""

from collections import OrderedDict
from typing import Any

from dassl.evaluation import EVALUATOR_REGISTRY, Classification
from torch import Tensor

from rpo import metrics
from rpo.registration import register


@register(EVALUATOR_REGISTRY)
class DetailedClassification(Classification):
    """Prints and returns what Dassl's Classification does, then top-5 accuracy and ECE.

    Attributes:
        outcome: what the last evaluation saw.
        details: of it, as `results.json` has them.
    """

    outcome: metrics.Outcome | None = None
    details: dict[str, Any] | None = None

    def __init__(self, cfg: Any, lab2cname: dict[int, str] | None = None, **kwargs: Any) -> None:
        super().__init__(cfg, lab2cname=lab2cname, **kwargs)
        self._forget()

    def reset(self) -> None:
        super().reset()
        self._forget()

    def _forget(self) -> None:
        self._outcomes: list[metrics.Outcome] = []
        self._classes = 0

    def process(self, mo: Tensor, gt: Tensor) -> None:
        """Takes in scores (batch, classes) and labels (batch,)."""
        super().process(mo, gt)
        self._outcomes.append(metrics.outcome(mo, gt))
        self._classes = mo.shape[1]

    def evaluate(self) -> OrderedDict[str, float]:
        """Dassl's metrics with `top5_accuracy` and `ece`, all in percent."""
        results = super().evaluate()
        self.outcome = metrics.joined(self._outcomes)
        self.details = metrics.details(self.outcome, self._classes)
        results["top5_accuracy"] = metrics.top_accuracy(self.outcome)
        results["ece"] = metrics.calibration_error(self.details["reliability"])
        print(f"* top5: {results['top5_accuracy']:.1f}%\n* ece: {results['ece']:.1f}%")
        return results
