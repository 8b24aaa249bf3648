"""Continue an interrupted training from its newest checkpoint."""

from typing import Any

from torch import nn

from .checkpoint import CheckpointError, checkpoint_entry, latest_checkpoint, load_checkpoint
from .inert_pickle import contains_placeholder
from .torchtools import load_weights


def resume_from_checkpoint(
    fdir: str, model: nn.Module, optimizer: Any = None, scheduler: Any = None
) -> int:
    """Load the newest checkpoint in the folder `fdir` into all that is given.

    Returns:
        How many epochs were trained, which is the index of the next one.
    """
    return restore_training(latest_checkpoint(fdir), model, optimizer, scheduler)["epoch"]


def restore_training(
    path: str, model: nn.Module, optimizer: Any = None, scheduler: Any = None
) -> dict[str, Any]:
    """Load the checkpoint at `path` into all that is given, and return it.

    Raises:
        CheckpointError: the file lacks an entry, or its scheduler cannot be restored.
    """
    print(f'Loading checkpoint from "{path}"')
    checkpoint = load_checkpoint(path)
    load_weights(model, checkpoint_entry(checkpoint, "state_dict", path))
    print("Loaded model weights")
    for name, target in (("optimizer", optimizer), ("scheduler", scheduler)):
        if target is not None and checkpoint.get(name) is not None:
            target.load_state_dict(_live_entry(checkpoint, name, path))
            print(f"Loaded {name}")
    print(f"Previous epoch: {checkpoint_entry(checkpoint, 'epoch', path)}")
    return checkpoint


def _live_entry(checkpoint: dict[str, Any], name: str, path: str) -> Any:
    entry = checkpoint_entry(checkpoint, name, path)
    if contains_placeholder(entry):
        raise CheckpointError(
            f'The {name} in "{path}" was stored as a live object (the original Dassl does that) '
            "and cannot be continued; its weights can: evaluate them with load_model "
            f"(--eval-only), or start a new run from them with MODEL.INIT_WEIGHTS {path} "
            "in another OUTPUT_DIR"
        )
    return entry
