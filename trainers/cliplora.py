"""CLIP-LoRA in Dassl; the method itself is `rpo.methods.cliplora`."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from dassl.utils import load_checkpoint

from rpo.checkpoints import load_parameters
from rpo.files import write_bytes
from rpo.methods import cliplora
from rpo.registration import register
from rpo.runs import LORA

from .iterations import StepTrainer

# What the file of the released program says of itself, where it changes what is computed.
METADATA = ("r", "alpha", "encoder", "position")


@register(TRAINER_REGISTRY)
class CLIPLoRA(StepTrainer):
    """Saves the updates, and once more as `lora_weights.pt`, as the released program has them."""

    method = cliplora.CLIPLoRA
    section = "CLIPLORA"
    learner_name = "lora"

    def save_model(self, epoch: int, directory: str, *args: Any, **options: Any) -> None:
        super().save_model(epoch, directory, *args, **options)
        state, chosen = self.model.learner().state_dict(), self.model.settings
        about = {name: getattr(chosen, name) for name in METADATA}
        content = {"weights": nested(state), "metadata": about | {"params": chosen.params.split()}}
        buffer = io.BytesIO()
        torch.save(content, buffer)
        write_bytes(Path(directory) / self.learner_name / LORA, buffer.getvalue())

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """As the others; or a folder with nothing but `lora_weights.pt`.

        Raises:
            ValueError: the file was trained with other settings.
        """
        file = Path(directory or ".") / LORA
        if not directory or not file.is_file():
            super().load_model(directory, epoch)
            return
        content, chosen = load_checkpoint(str(file)), self.model.settings
        for name in METADATA:
            if (there := content["metadata"].get(name)) not in (None, getattr(chosen, name)):
                key = f"TRAINER.{self.section}.{name.upper()}"
                raise ValueError(f"{file} was trained with {key} {there}, and this run has another")
        load_parameters(self.model.learner(), flattened(content["weights"]), file)
        print(f'Loading weights to {self.learner_name} from "{file}"')
        self.parameters_in = directory


def nested(state: Mapping[str, Any]) -> dict[str, Any]:
    """ "layer_0.q_proj.w_lora_A" as dictionaries in dictionaries."""
    tree: dict[str, Any] = {}
    for key, value in state.items():
        layer, matrix, name = key.split(".")
        tree.setdefault(layer, {}).setdefault(matrix, {})[name] = value.detach().cpu()
    return tree


def flattened(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `nested`."""
    return {
        f"{layer}.{matrix}.{name}": value
        for layer, matrices in tree.items()
        for matrix, values in matrices.items()
        for name, value in values.items()
    }
