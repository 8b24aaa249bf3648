"""Weights & Biases, where LOGGING.WANDB asks for it: it gets what TensorBoard gets."""

import hashlib
from pathlib import Path
from typing import Any

from .config import plain


def require_wandb() -> None:
    """Raises ImportError with the command that installs it."""
    try:
        # Not `import wandb`, which a mere folder of that name satisfies.
        from wandb import init  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "LOGGING.WANDB is True, and Weights & Biases is not installed: "
            "pip install 'rpo-clip[wandb]'"
        ) from error


class WandbRun:
    """One training run there; the same folder resumed is the same run there."""

    def __init__(self, cfg: Any, resumed: bool) -> None:
        """Begins the run, or goes on with it; begun anew in its folder it replaces the old one."""
        from wandb import init

        folder = Path(cfg.OUTPUT_DIR).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        self.run = init(
            project=cfg.LOGGING.PROJECT,
            id=hashlib.sha256(str(folder).encode()).hexdigest()[:16],
            name=cfg.OUTPUT_DIR,
            dir=str(folder),
            config=plain(cfg),
            resume="allow" if resumed else None,
        )
        # As in TensorBoard, training counts batches and testing counts epochs.
        self.run.define_metric("train/*", step_metric="batch")
        self.run.define_metric("test/*", step_metric="epoch")
        self.run.define_metric("val/*", step_metric="epoch")

    def log(self, tag: str, value: float, step: int | None) -> None:
        """A scalar called `split/metric`; the last one is in the run's summary."""
        self.run.log({tag: value, "batch" if tag.startswith("train/") else "epoch": step})

    def finish(self) -> None:
        self.run.finish()
