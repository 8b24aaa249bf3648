"""What results.json says of a run: enough to know where a number came from, and to check it."""

import contextlib
import io
import os
from pathlib import Path
from typing import Any

from dassl.engine import TrainerX

from rpo import stopping, turns
from rpo.checkpoints import check_finite
from rpo.environment import versions
from rpo.hashes import sealed
from rpo.memory import peak_megabytes, reset_peak
from rpo.metrics import Outcome
from rpo.own_source import source_of
from rpo.predictions import pack
from rpo.runs import VERSION, RunFolder, settle

from .config import default_config, plain
from .evidence import (
    check_weights,
    classes_of,
    hashes_of,
    predictions_of,
    split_of,
    weights_of,
)
from .origin import dataset_title, earlier_epoch, origin, origin_of
from .wandb_run import WandbRun, require_wandb


class RecordedTrainer(TrainerX):
    """Dassl's loop, with everything that it measures written to results.json.

    Instance attributes:
        metrics: split to metric to value, in full precision.
        details: split to what TEST.EVALUATOR says in detail, where it does.
        outcome: of every test image, where TEST.EVALUATOR keeps it.
        folder: what the run writes.
        seconds: `load`, `train` and `test`, those before an interruption included.
        history: the means of every epoch, also of those before an interruption.
        trained_on: dataset, classes, shots and seed of the parameters, None where there are
            none or nobody knows.
        parameters_in: the folder whose parameters are tested; None where none were loaded.
        tested_epoch: of these, where it is not that of a whole training.
    """

    section = ""
    takes_seconds = False

    def __init__(self, cfg: Any) -> None:
        reset_peak()
        self.folder = RunFolder(cfg.OUTPUT_DIR)
        self.metrics: dict[str, dict[str, float]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.outcome: Outcome | None = None
        self.seconds: dict[str, float] = {}
        source = RunFolder(cfg.RESUME or cfg.OUTPUT_DIR)
        self.earlier_history, self.earlier_seconds = source.history(), source.so_far("seconds")
        self.validation = source.so_far("validation")
        self.history = self.earlier_history
        self.epoch_means: dict[str, float] = {}
        self.epoch_lr: float | None = None
        self.trained_on: dict[str, Any] | None = None
        self.parameters_in: str | None = None
        self.tested_epoch: int | None = None
        self.wandb: WandbRun | None = None
        if cfg.LOGGING.WANDB:
            require_wandb()
        started = turns.clock()
        super().__init__(cfg)
        self.seconds["load"] = turns.clock() - started

    def before_train(self) -> None:
        super().before_train()
        self.history = [each for each in self.earlier_history if each["epoch"] <= self.start_epoch]
        if self.start_epoch:
            for part, seconds in self.earlier_seconds.items():
                self.seconds[part] = self.seconds.get(part, 0.0) + seconds
            if self.validation:
                self.metrics["val"] = self.validation["metrics"]
                self.details["val"] = self.validation["details"]
        self.trained_on, self.parameters_in = origin(self.cfg), self.output_dir
        self.train_started = turns.clock()

    def before_epoch(self) -> None:
        stopping.begin_epoch()
        super().before_epoch()
        self.epoch_means = {}
        # The last batch of an epoch moves the rate on, so it is read before the first.
        self.epoch_lr = self.get_current_lr() if any(self._optims.values()) else None

    def after_epoch(self) -> None:
        """Notes the epoch before the checkpoint: a checkpoint always has its history.

        Killed in between, the history is ahead, and is cut on resuming.
        """
        if self.epoch_means:
            entry = {"epoch": self.epoch + 1, **self.epoch_means, "lr": self.epoch_lr}
            self.history.append(entry)
        self.count_seconds()
        self.note_progress()
        super().after_epoch()
        self.keep_newest()
        stopping.end_epoch()

    def keep_newest(self) -> None:
        """Where no checkpoints are asked for, an epoch's gives way to the next one's, so that an
        interrupted run goes on from there."""
        if self.cfg.TRAIN.CHECKPOINT_FREQ > 0 or self.takes_seconds:
            return
        if self.epoch + 1 < self.max_epoch:
            with contextlib.redirect_stdout(io.StringIO()):
                self.save_model(self.epoch, self.output_dir)
        for name in self.get_model_names():
            Path(self.output_dir, name, f"model.pth.tar-{self.epoch}").unlink(missing_ok=True)

    def note_progress(self) -> None:
        """Writes the history, and how long it took."""
        if self.history:
            self.folder.write_history(self.history)
        self.record_run(finished=False)

    def after_train(self) -> None:
        self.count_seconds()
        super().after_train()

    def count_seconds(self) -> None:
        """Adds the time since the last call to that of the training."""
        moment = turns.clock()
        self.seconds["train"] = self.seconds.get("train", 0.0) + moment - self.train_started
        self.train_started = moment

    def run_state(self) -> str:
        """How far the run in OUTPUT_DIR is; Dassl asks before it trains, and writes run.json anew.

        Raises:
            ValueError: it was trained with other weights of CLIP, on other images, or with another
                configuration.
        """
        check_weights(self, self.output_dir)
        self.folder.check_split(split_of(self.dm.dataset))
        return self.folder.state(plain(self.cfg), self.section, plain(default_config()))

    def record_run(self, finished: bool) -> None:
        """Notes in OUTPUT_DIR whose run this is, and whether it has finished."""
        so_far = {"seconds": self.seconds, "validation": self.validation}
        hashes = {"backbone": weights_of(self), "split": split_of(self.dm.dataset)}
        if source := source_of(type(self)):
            hashes["source"] = source
        self.folder.record(plain(self.cfg), finished, **so_far, **hashes)

    def resume_model_if_exist(self, directory: str) -> int:
        """How many epochs were trained.

        Raises:
            FloatingPointError: what they learnt is NaN. ValueError: with other weights of CLIP.
        """
        check_weights(self, directory)
        epochs = super().resume_model_if_exist(directory)
        for name in self.get_model_names():
            check_finite(self._models[name], f"the checkpoint in {directory}")
        return epochs

    def save_model(self, *args: Any, **options: Any) -> None:
        """Saves what was learnt; from then on an overwritten run is not needed any more.

        Raises:
            FloatingPointError: some of it is no number.
        """
        for name in self.get_model_names():
            check_finite(self._models[name], f"what {self.cfg.TRAINER.NAME} has learnt")
        super().save_model(*args, **options)
        settle(self.folder)

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        """Dassl reports every metric here, in full precision, as `split/metric`."""
        split, _, metric = tag.partition("/")
        if split == "train":  # the mean of the epoch so far
            self.epoch_means[metric] = float(scalar_value)
        else:
            self.metrics.setdefault(split, {})[metric] = float(scalar_value)
            self.details[split] = getattr(self.evaluator, "details", None) or {}
            if split == "test":
                self.outcome = getattr(self.evaluator, "outcome", None)
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

    def record_origin(self, directory: str, epoch: int | None = None) -> None:
        """Notes whose parameters `load_model` has taken from a folder.

        Raises:
            ValueError: they were trained with other weights of the CLIP.
        """
        check_weights(self, directory)
        if directory != self.parameters_in:  # as of the best epoch, at the end of a training
            (name,) = self.get_model_names()
            self.tested_epoch = earlier_epoch(directory, name, epoch)
        own = self.trained_on if directory == self.output_dir else None
        self.trained_on, self.parameters_in = origin_of(directory) or own, directory

    def test(self, split: str | None = None) -> float:
        """Accuracy in percent on a split; everything measured goes to results.json.

        Raises:
            ValueError: it is that of an earlier epoch than what was measured in OUTPUT_DIR.
        """
        self.folder.check_epoch(self.tested_epoch)
        started = turns.clock()
        for name in self.get_model_names():
            check_finite(self._models[name], f"what {self.cfg.TRAINER.NAME} is tested with")
        accuracy = super().test(split)
        self.seconds["test"] = turns.clock() - started
        if "val" in self.metrics and split == "val":
            self.validation = {"metrics": self.metrics["val"], "details": self.details["val"]}
            self.record_run(finished=False)
        write_record(self, self.folder, self.dm.dataset)
        return accuracy


def write_record(trainer: Any, folder: RunFolder, dataset: Any, **cost: Any) -> None:
    """Writes what a trainer has measured on a dataset, with the means to verify it.

    Args:
        cost: `seconds` and `peak_mb`, where they are not those of this process.
    """
    predictions = predictions_of(trainer.outcome, trainer.cfg, dataset)
    packed = pack(predictions) if predictions else None
    record = run_record(trainer, dataset) | cost
    folder.write_results(sealed(record | {"sha256": hashes_of(trainer, dataset, packed)}), packed)


def run_record(trainer: Any, dataset: Any) -> dict[str, Any]:
    """Plain data: metrics at full precision, where they come from, and what they cost."""
    cfg, parameters_in = trainer.cfg, trainer.parameters_in
    return {
        "version": VERSION,
        "method": cfg.TRAINER.NAME,
        "dataset": dataset_title(cfg.DATASET),
        "classes": classes_of(dataset, cfg),
        "shots": cfg.DATASET.NUM_SHOTS,
        "seed": cfg.SEED,
        "backbone": cfg.MODEL.BACKBONE.NAME,
        "trained_on": trainer.trained_on,
        "parameters_in": parameters_in and os.path.relpath(parameters_in, cfg.OUTPUT_DIR or "."),
        **({} if trainer.tested_epoch is None else {"epoch": trainer.tested_epoch}),
        "metrics": trainer.metrics,
        "details": trainer.details,
        "history": trainer.history,
        "seconds": trainer.seconds,
        # Of runs in one process, no one can tell whose the memory is.
        "peak_mb": None if turns.are_taken() else peak_megabytes(trainer.device),
        "class_names": list(dataset.classnames),
        "images": {
            "train": len(dataset.train_x),
            "val": len(dataset.val or []),
            "test": len(dataset.test),
        },
        "learnt_parameters": sum(
            parameter.numel()
            for model in trainer.get_model_names()
            for name, parameter in trainer._models[model].named_parameters()
            if name not in trainer.model.idle()
        ),
        "versions": versions(),
        "device": str(trainer.device),
        "data": getattr(dataset, "provenance", None),
        "config": plain(cfg),
    }
