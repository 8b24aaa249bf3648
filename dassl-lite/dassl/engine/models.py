"""The models of a trainer, each with its optimiser and its schedule."""

from collections.abc import Sequence
from typing import Any

import torch

from dassl.utils import check_availability


class RegisteredModels:
    """Models by name; only those registered are switched to training, stepped and saved."""

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
