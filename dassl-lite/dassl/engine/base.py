"""The skeleton of training: the loop over epochs and its hooks."""

from typing import Any

from dassl.utils import restore_random_state

from .checkpointing import Checkpointing
from .models import RegisteredModels
from .scalars import ScalarWriter


class TrainerBase(RegisteredModels, Checkpointing, ScalarWriter):
    """Calls the hooks of the training loop; a subclass fills them."""

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
