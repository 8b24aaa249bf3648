"""What results.json says of a run: enough to know where a number came from."""

import time
from typing import Any

from dassl.engine import TrainerX

from rpo.environment import versions
from rpo.results import write_results


class RecordedTrainer(TrainerX):
    """Dassl's loop, with everything that it measures written to results.json.

    Instance attributes:
        metrics: split to metric to value, in full precision.
        seconds: `train` (since the run was started or resumed last) and `test`.
    """

    def __init__(self, cfg: Any) -> None:
        self.metrics: dict[str, dict[str, float]] = {}
        self.seconds: dict[str, float] = {}
        super().__init__(cfg)

    def before_train(self) -> None:
        super().before_train()
        self.train_started = time.time()

    def after_train(self) -> None:
        self.seconds["train"] = time.time() - self.train_started
        super().after_train()

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        """Dassl reports every metric here, in full precision, as `split/metric`."""
        split, _, metric = tag.partition("/")
        if split != "train":
            self.metrics.setdefault(split, {})[metric] = float(scalar_value)
        super().write_scalar(tag, scalar_value, global_step)

    def test(self, split: str | None = None) -> float:
        """Accuracy in percent on a split; everything measured goes to results.json."""
        started = time.time()
        accuracy = super().test(split)
        self.seconds["test"] = time.time() - started
        write_results(self.output_dir, run_record(self))
        return accuracy


def run_record(trainer: Any) -> dict[str, Any]:
    """Plain data: metrics at full precision, configuration, versions, sampled files, seconds."""
    cfg, dataset = trainer.cfg, trainer.dm.dataset
    return {
        "method": cfg.TRAINER.NAME,
        "dataset": getattr(dataset, "title", cfg.DATASET.NAME),
        "classes": cfg.DATASET.SUBSAMPLE_CLASSES,
        "shots": cfg.DATASET.NUM_SHOTS,
        "seed": cfg.SEED,
        "backbone": cfg.MODEL.BACKBONE.NAME,
        "metrics": trainer.metrics,
        "seconds": trainer.seconds,
        "class_names": list(dataset.classnames),
        "images": {
            "train": len(dataset.train_x),
            "val": len(dataset.val or []),
            "test": len(dataset.test),
        },
        "learnt_parameters": sum(
            parameter.numel()
            for name in trainer.get_model_names()
            for parameter in trainer._models[name].parameters()
        ),
        "versions": versions(),
        "device": str(trainer.device),
        "data": getattr(dataset, "provenance", None),
        "config": plain(cfg),
    }


def plain(value: Any) -> Any:
    """A configuration as nested dicts and lists."""
    if hasattr(value, "items"):
        return {key: plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
