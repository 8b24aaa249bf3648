"""What results.json says of a run: enough to know where a number came from."""

import json
import time
from pathlib import Path
from typing import Any

from dassl.engine import TrainerX

from rpo.environment import versions
from rpo.files import write_json
from rpo.memory import peak_megabytes
from rpo.results import write_results

from .config import plain
from .origin import dataset_title, origin, origin_of
from .wandb_run import WandbRun, require_wandb

HISTORY_FILE = "history.json"


class RecordedTrainer(TrainerX):
    """Dassl's loop, with everything that it measures written to results.json.

    Instance attributes:
        metrics: split to metric to value, in full precision.
        details: split to what TEST.EVALUATOR says in detail, where it does.
        seconds: `load`, `train` (since the run was started or resumed last) and `test`.
        history: the means of every epoch, also of those before an interruption.
        trained_on: dataset, classes, shots and seed of the parameters, None where there are
            none or nobody knows.
    """

    def __init__(self, cfg: Any) -> None:
        self.metrics: dict[str, dict[str, float]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.seconds: dict[str, float] = {}
        self.history = read_history(cfg.OUTPUT_DIR)
        self.epoch_means: dict[str, float] = {}
        self.epoch_lr: float | None = None
        self.trained_on: dict[str, Any] | None = None
        self.wandb: WandbRun | None = None
        if cfg.LOGGING.WANDB:
            require_wandb()
        started = time.time()
        super().__init__(cfg)
        self.seconds["load"] = time.time() - started

    def before_train(self) -> None:
        super().before_train()
        earlier = read_history(self.cfg.RESUME or self.output_dir)
        self.history = [entry for entry in earlier if entry["epoch"] <= self.start_epoch]
        self.trained_on = origin(self.cfg)
        self.train_started = time.time()

    def before_epoch(self) -> None:
        super().before_epoch()
        self.epoch_means = {}
        # The last batch of an epoch moves the rate on, so it is read before the first.
        self.epoch_lr = self.get_current_lr() if any(self._optims.values()) else None

    def after_epoch(self) -> None:
        """Writes the history before the checkpoint: a checkpoint always has its history.

        Killed in between, the history is ahead, and is cut on resuming.
        """
        if self.epoch_means:
            entry = {"epoch": self.epoch + 1, **self.epoch_means, "lr": self.epoch_lr}
            self.history.append(entry)
            write_json(Path(self.output_dir, HISTORY_FILE), self.history)
        super().after_epoch()

    def after_train(self) -> None:
        self.seconds["train"] = time.time() - self.train_started
        super().after_train()

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        """Dassl reports every metric here, in full precision, as `split/metric`."""
        split, _, metric = tag.partition("/")
        if split == "train":  # the mean of the epoch so far
            self.epoch_means[metric] = float(scalar_value)
        else:
            self.metrics.setdefault(split, {})[metric] = float(scalar_value)
            self.details[split] = getattr(self.evaluator, "details", None) or {}
        if self.wandb:
            self.wandb.log(tag, float(scalar_value), global_step)
        super().write_scalar(tag, scalar_value, global_step)

    def init_writer(self, log_dir: str) -> None:
        """Opens TensorBoard and, where asked for, Weights & Biases."""
        super().init_writer(log_dir)
        if self.cfg.LOGGING.WANDB:
            self.wandb = WandbRun(self.cfg, resumed=self.start_epoch > 0)

    def close_writer(self) -> None:
        super().close_writer()
        if self.wandb:
            self.wandb.finish()
            self.wandb = None

    def record_origin(self, directory: str) -> None:
        """Notes whose parameters `load_model` has taken from a folder."""
        own = self.trained_on if directory == self.output_dir else None
        self.trained_on = origin_of(directory) or own

    def test(self, split: str | None = None) -> float:
        """Accuracy in percent on a split; everything measured goes to results.json."""
        started = time.time()
        accuracy = super().test(split)
        self.seconds["test"] = time.time() - started
        write_results(self.output_dir, run_record(self))
        return accuracy


def read_history(folder: str) -> list[dict[str, Any]]:
    """The epochs of the run in a folder, oldest first; empty where it has none."""
    path = Path(folder, HISTORY_FILE)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def run_record(trainer: Any) -> dict[str, Any]:
    """Plain data: metrics at full precision, where they come from, and what they cost."""
    cfg, dataset = trainer.cfg, trainer.dm.dataset
    return {
        "method": cfg.TRAINER.NAME,
        "dataset": dataset_title(cfg.DATASET),
        "classes": cfg.DATASET.SUBSAMPLE_CLASSES,
        "shots": cfg.DATASET.NUM_SHOTS,
        "seed": cfg.SEED,
        "backbone": cfg.MODEL.BACKBONE.NAME,
        "trained_on": trainer.trained_on,
        "metrics": trainer.metrics,
        "details": trainer.details,
        "history": trainer.history,
        "seconds": trainer.seconds,
        "peak_mb": peak_megabytes(trainer.device),
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
