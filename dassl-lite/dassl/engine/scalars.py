"""Writing scalars for tensorboard."""

from typing import Any


class ScalarWriter:
    """The part of a trainer that knows tensorboard."""

    _writer: Any = None

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
