"""Running averages of what a training loop measures."""

from collections import defaultdict
from collections.abc import Mapping

import torch


class AverageMeter:
    """The latest value of a quantity and its mean so far.

    Args:
        ema: average exponentially (weight 0.1 on the newest value) instead of evenly.
    """

    def __init__(self, ema: bool = False) -> None:
        self.ema = ema
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.val = 0.0
        self.avg = 0.0
        self.sum = 0.0
        self.count = 0

    def update(self, val: float | torch.Tensor, n: int = 1) -> None:
        """Take in `val`, the mean of `n` measurements."""
        self.val = val.item() if isinstance(val, torch.Tensor) else val
        self.sum += self.val * n
        self.count += n
        if self.ema and self.count > n:
            self.avg = 0.9 * self.avg + 0.1 * self.val
        else:
            self.avg = self.sum / self.count


class MetricMeter:
    """Several `AverageMeter`s by name, in the order in which the names came up.

    `str()` gives "loss 0.1234 (0.2345) acc 50.0000 (45.0000)".
    """

    def __init__(self, delimiter: str = " ") -> None:
        self.meters: defaultdict[str, AverageMeter] = defaultdict(AverageMeter)
        self.delimiter = delimiter

    def update(self, input_dict: Mapping[str, float | torch.Tensor] | None) -> None:
        """Take in one measurement of each name; None changes nothing.

        Raises:
            TypeError: `input_dict` is neither a mapping nor None.
        """
        if input_dict is None:
            return
        if not isinstance(input_dict, Mapping):
            raise TypeError(f"expected name -> value, got a {type(input_dict).__name__}")
        for name, value in input_dict.items():
            self.meters[name].update(value)

    def __str__(self) -> str:
        parts = (f"{name} {meter.val:.4f} ({meter.avg:.4f})" for name, meter in self.meters.items())
        return self.delimiter.join(parts)
