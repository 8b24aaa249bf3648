"""RAdam as Dassl has it. Liu et al., On the Variance of the Adaptive Learning Rate and Beyond,
ICLR 2020, https://arxiv.org/abs/1908.03265.

torch.optim.RAdam differs: it takes weight decay into the gradient, and has another threshold.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

_RECTIFIED_FROM = 5.0  # length of the approximated moving average from which its variance is known


class RAdam(Optimizer):
    """Adam whose rate is rectified by the variance of its second moment; weight decay decoupled.

    Args:
        degenerated_to_sgd: while the variance is unknown, step by the first moment alone; else
            not at all.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        degenerated_to_sgd: bool = True,
    ) -> None:
        if lr < 0 or eps < 0 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"RAdam cannot use lr {lr}, eps {eps}, betas {betas}")
        self.degenerated_to_sgd = degenerated_to_sgd
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one optimisation step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step_one(parameter, group)
        return loss

    def _step_one(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        value, gradient, state = parameter.float(), parameter.grad.float(), self.state[parameter]
        if not state:
            state.update(
                step=0, exp_avg=torch.zeros_like(value), exp_avg_sq=torch.zeros_like(value)
            )
        beta1, beta2 = group["betas"]
        first, second = state["exp_avg"], state["exp_avg_sq"]
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        first.mul_(beta1).add_(gradient, alpha=1 - beta1)
        state["step"] += 1
        factor, rectified = rectification(state["step"], beta2)
        if not rectified and not self.degenerated_to_sgd:
            return
        if group["weight_decay"]:
            value.add_(value, alpha=-group["weight_decay"] * group["lr"])
        rate = factor / (1 - beta1 ** state["step"]) * group["lr"]
        if rectified:
            value.addcdiv_(first, second.sqrt().add_(group["eps"]), value=-rate)
        else:
            value.add_(first, alpha=-rate)
        parameter.copy_(value)


def rectification(step: int, beta2: float) -> tuple[float, bool]:
    """The factor of the rate at a step (from 1), and whether the variance is known by then."""
    power = beta2**step
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * power / (1 - power)
    if length < _RECTIFIED_FROM:
        return 1.0, False
    shrink = (length - 4) / (longest - 4) * (length - 2) / length * longest / (longest - 2)
    return math.sqrt((1 - power) * shrink), True
