"""Saving, resuming and loading the models of a trainer."""

import os
from typing import Any

from torch import nn

from dassl.utils import CheckpointError, capture_random_state, load_checkpoint, load_weights
from dassl.utils.checkpoint import (
    BEST_MODEL_NAME,
    checkpoint_entry,
    epoch_model_name,
    has_checkpoint,
    latest_checkpoint,
    save_checkpoint,
)
from dassl.utils.resume import restore_training


class Checkpointing:
    """The part of a trainer that knows files: one folder per registered model."""

    _models: dict[str, Any]
    _optims: dict[str, Any]
    _scheds: dict[str, Any]
    _resumed_random_state: dict[str, Any] | None = None
    scaler: Any = None  # a trainer with mixed precision sets its own
    best_result = -float("inf")
    epoch = 0

    def save_model(
        self,
        epoch: int,
        directory: str,
        is_best: bool = False,
        val_result: float | None = None,
        model_name: str = "",
    ) -> None:
        """Save every registered model with all that its training needs to go on.

        Args:
            epoch: index of the epoch that has just ended, from 0.
            directory: gets one folder per model.
            val_result: accuracy in percent on the validation images.
            model_name: file name; by default it carries the epoch, counted from 1.
        """
        shared = {
            "epoch": epoch + 1,
            "val_result": val_result,
            "best_result": self.best_result,
            "scaler": _state(self.scaler),
            "rng": capture_random_state(),
        }
        for name, model in self._models.items():
            state = {
                "state_dict": model.state_dict(),
                "optimizer": _state(self._optims[name]),
                "scheduler": _state(self._scheds[name]),
                **shared,
            }
            folder = os.path.join(directory, name)
            save_checkpoint(state, folder, is_best=is_best, model_name=model_name)

    def resume_model_if_exist(self, directory: str) -> int:
        """Continue from the newest checkpoints in `directory`, if every model has one.

        Returns:
            How many epochs were trained, which is the index of the next one.

        Raises:
            CheckpointError: the models' checkpoints are of different epochs.
        """
        folders = {name: os.path.join(directory, name) for name in self._models}
        if not folders or not all(has_checkpoint(folder) for folder in folders.values()):
            print("No checkpoint found, train from scratch")
            return 0
        print(f"Found checkpoint at {directory} (will resume training)")
        checkpoints = {
            name: restore_training(
                latest_checkpoint(folder),
                self._models[name],
                self._optims[name],
                self._scheds[name],
            )
            for name, folder in folders.items()
        }
        epochs = {name: checkpoint["epoch"] for name, checkpoint in checkpoints.items()}
        if len(set(epochs.values())) > 1:
            raise CheckpointError(
                f"The newest checkpoints in {directory} are of different epochs: {epochs}. Write "
                'the name of a file of the same epoch into each folder\'s file "checkpoint"'
            )
        self._resume_trainer(next(iter(checkpoints.values())))
        return next(iter(epochs.values()))

    def _resume_trainer(self, checkpoint: dict[str, Any]) -> None:
        """Take from `checkpoint` what is not a model's own; the original Dassl stored none."""
        self.epoch = checkpoint["epoch"] - 1
        self.best_result = checkpoint.get("best_result", self.best_result)
        self._resumed_random_state = checkpoint.get("rng")
        if self.scaler is not None and checkpoint.get("scaler"):
            self.scaler.load_state_dict(checkpoint["scaler"])

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Load the weights of every registered model from `directory`.

        Args:
            directory: OUTPUT_DIR of the run that saved them; empty does nothing.
            epoch: which checkpoint, counted from 1; None takes the best one.

        Raises:
            FileNotFoundError: a model has no such file.
            RuntimeError: the weights do not fit the model.
        """
        if not directory:
            print("Note that load_model() is skipped: no directory is given")
            return
        file_name = BEST_MODEL_NAME if epoch is None else epoch_model_name(epoch)
        for name, model in self._models.items():
            _load_weights_from(os.path.join(directory, name, file_name), name, model)


def _state(part: Any) -> Any:
    return None if part is None else part.state_dict()


def _load_weights_from(path: str, name: str, model: nn.Module) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(f'Model not found at "{path}"')
    checkpoint = load_checkpoint(path)
    epoch = checkpoint_entry(checkpoint, "epoch", path)
    print(f'Loading weights to {name} from "{path}" (epoch = {epoch})')
    load_weights(model, checkpoint_entry(checkpoint, "state_dict", path))
