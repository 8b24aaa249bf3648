"""The skeleton of training: models under its care, their checkpoints, the loop and its hooks."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from dassl.utils import (
    CheckpointError,
    capture_random_state,
    check_availability,
    load_checkpoint,
    load_weights,
    restore_random_state,
)
from dassl.utils.checkpoint import (
    BEST_MODEL_NAME,
    checkpoint_entry,
    epoch_model_name,
    has_checkpoint,
    latest_checkpoint,
    restore,
    restore_training,
    save_checkpoint,
)


class TrainerBase:
    """Keeps models by name, each with its optimiser and schedule, and calls the loop's hooks.

    Only models that are registered are switched to training, stepped and saved: one folder each.
    """

    _resumed_random_state: dict[str, Any] | None = None
    _writer: Any = None
    scaler: Any = None  # a trainer with mixed precision sets its own
    best_result = -float("inf")
    epoch = 0

    # The models.

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}
        self._optims: dict[str, Any] = {}
        self._scheds: dict[str, Any] = {}

    def register_model(
        self, name: str = "model", model: Any = None, optim: Any = None, sched: Any = None
    ) -> None:
        """Put `model` under the care of the trainer; checkpoints go to a folder called `name`.

        Raises:
            AttributeError: the base constructor has not run yet.
            ValueError: `name` is taken.
        """
        if "_models" not in vars(self):
            raise AttributeError("register_model() came before super().__init__()")
        if name in self._models:
            raise ValueError(f'A model is already registered as "{name}"')
        self._models[name] = model
        self._optims[name] = optim
        self._scheds[name] = sched

    def get_model_names(self, names: str | Sequence[str] | None = None) -> list[str]:
        """Return `names` as a list, or all names; raise `UnknownNameError` for an unknown one."""
        if names is None:
            return list(self._models)
        chosen = [names] if isinstance(names, str) else list(names)
        for name in chosen:
            check_availability(name, self._models, kind="model")
        return chosen

    def set_model_mode(self, mode: str = "train", names: Any = None) -> None:
        """Switch the models to "train", or to "eval" (also called "test")."""
        check_availability(mode, ("train", "eval", "test"), kind="mode")
        for name in self.get_model_names(names):
            self._models[name].train(mode == "train")

    def update_lr(self, names: Any = None) -> None:
        """Step the schedules. The loop never does: trainers call this at an epoch's last batch."""
        for scheduler in self._present(self._scheds, names):
            scheduler.step()

    def model_zero_grad(self, names: Any = None) -> None:
        """Clear the gradients."""
        for optimizer in self._present(self._optims, names):
            optimizer.zero_grad()

    def model_backward(self, loss: torch.Tensor) -> None:
        """Check `loss`, then compute the gradients."""
        self.detect_anomaly(loss)
        loss.backward()

    def model_update(self, names: Any = None) -> None:
        """Step the optimisers."""
        for optimizer in self._present(self._optims, names):
            optimizer.step()

    def model_backward_and_update(self, loss: torch.Tensor, names: Any = None) -> None:
        """Make one optimisation step on `loss`; see `detect_anomaly`."""
        self.model_zero_grad(names)
        self.model_backward(loss)
        self.model_update(names)

    def detect_anomaly(self, loss: torch.Tensor) -> None:
        """Raise FloatingPointError if `loss` is not finite."""
        if not torch.isfinite(loss).all():
            raise FloatingPointError("Loss is infinite or NaN!")

    def _present(self, table: dict[str, Any], names: Any) -> list[Any]:
        return [table[name] for name in self.get_model_names(names) if table[name] is not None]

    # Their checkpoints.

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

        Raises:
            FloatingPointError: what was learnt is not finite.
        """
        for name, model in self._models.items():
            check_finite(model, name)
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
            CheckpointError: a checkpoint is damaged, or they are of different epochs.
        """
        folders = {name: os.path.join(directory, name) for name in self._models}
        if not folders or not all(has_checkpoint(folder) for folder in folders.values()):
            print("No checkpoint found, train from scratch")
            return 0
        print(f"Found checkpoint at {directory} (will resume training)")
        paths = {name: latest_checkpoint(folder) for name, folder in folders.items()}
        checkpoints = {
            name: restore_training(path, self._models[name], self._optims[name], self._scheds[name])
            for name, path in paths.items()
        }
        epochs = {name: checkpoint["epoch"] for name, checkpoint in checkpoints.items()}
        if len(set(epochs.values())) > 1:
            raise CheckpointError(
                f"The newest checkpoints in {directory} are of different epochs: {epochs}. Write "
                'the name of a file of the same epoch into each folder\'s file "checkpoint"'
            )
        first = next(iter(checkpoints))
        restore(partial(self._resume_trainer, checkpoints[first]), "trainer's state", paths[first])
        return epochs[first]

    def _resume_trainer(self, checkpoint: dict[str, Any]) -> None:
        """Take from `checkpoint` what is not a model's own; the original Dassl stored none."""
        self.epoch = checkpoint["epoch"] - 1
        self.best_result = float(checkpoint.get("best_result", self.best_result))
        self._resumed_random_state = checkpoint.get("rng")
        if self._resumed_random_state is not None:  # tried here, where a damaged one can be named
            before = capture_random_state()
            restore_random_state(self._resumed_random_state)
            restore_random_state(before)
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

    # Tensorboard.

    def init_writer(self, log_dir: str) -> None:
        """Open tensorboard's files in `log_dir`, once."""
        if self._writer is not None:
            return
        from torch.utils.tensorboard import SummaryWriter  # here, because importing it is slow

        print(f"Initialize tensorboard (log_dir={log_dir})")
        self._writer = SummaryWriter(log_dir=log_dir)

    def write_scalar(self, tag: str, scalar_value: float, global_step: int | None = None) -> None:
        """Write to tensorboard, if it was opened."""
        if self._writer is not None:
            self._writer.add_scalar(tag, scalar_value, global_step)

    def close_writer(self) -> None:
        """Close tensorboard's files."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    # The loop over epochs and its hooks, which a subclass fills.

    def train(self, start_epoch: int, max_epoch: int) -> None:
        """Run the epochs from `start_epoch` (from 0; `before_train` may move it) to `max_epoch`."""
        self.start_epoch = start_epoch
        self.max_epoch = max_epoch
        try:
            self.before_train()
            self._continue_random_state()
            for epoch in range(self.start_epoch, self.max_epoch):
                self.epoch = epoch
                self.before_epoch()
                self.run_epoch()
                self.after_epoch()
            self.after_train()
        finally:
            self.close_writer()

    def _continue_random_state(self) -> None:
        # Last, so that nothing done to get here, like building the model, changes what follows.
        if self._resumed_random_state is not None:
            restore_random_state(self._resumed_random_state)

    def before_train(self) -> None:
        """Called once before the epochs."""

    def after_train(self) -> None:
        """Called once after the epochs."""

    def before_epoch(self) -> None:
        """Called before each epoch."""

    def after_epoch(self) -> None:
        """Called after each epoch."""

    def run_epoch(self) -> None:
        """Train for one epoch."""
        raise NotImplementedError

    def test(self, split: str | None = None) -> float:
        """Evaluate on `split`."""
        raise NotImplementedError

    def parse_batch_train(self, batch: Any) -> Any:
        """Return what `forward_backward` needs of a loader's batch."""
        raise NotImplementedError

    def parse_batch_test(self, batch: Any) -> Any:
        """Return image and label of a loader's batch."""
        raise NotImplementedError

    def forward_backward(self, batch: Any) -> Any:
        """Make one training step; return name -> value for the log."""
        raise NotImplementedError

    def model_inference(self, input: Any) -> Any:
        """Return the model's scores."""
        raise NotImplementedError


def check_finite(model: Any, name: str) -> None:
    """Raise FloatingPointError if a parameter of `model` that learns is infinite or NaN."""
    for key, parameter in model.named_parameters():
        if parameter.requires_grad and not torch.isfinite(parameter).all():
            raise FloatingPointError(f"{name} has learnt NaN or infinity, in {key}: lower OPTIM.LR")


def _state(part: Any) -> Any:
    return None if part is None else part.state_dict()


def _load_weights_from(path: str, name: str, model: nn.Module) -> None:
    if not os.path.isfile(path):
        raise FileNotFoundError(f'Model not found at "{path}"')
    checkpoint = load_checkpoint(path)
    epoch = checkpoint_entry(checkpoint, "epoch", path)
    print(f'Loading weights to {name} from "{path}" (epoch = {epoch})')
    load_weights(model, checkpoint_entry(checkpoint, "state_dict", path))
