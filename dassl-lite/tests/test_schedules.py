"""Learning rates epoch by epoch, as measured on the original."""

import math

import pytest
import torch
from torch import nn

from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.optim.lr_scheduler import SCHEDULERS, WARMUPS


@pytest.fixture
def optim_cfg(cfg):
    cfg.OPTIM.merge_from_list(["LR", 0.01, "LR_SCHEDULER", "cosine", "WARMUP_TYPE", "constant"])
    return cfg.OPTIM


class Schedule:
    """A weight, its optimiser and its schedule."""

    def __init__(self, optim_cfg):
        self.optimizer = build_optimizer(nn.Linear(1, 1), optim_cfg)
        self.scheduler = build_lr_scheduler(self.optimizer, optim_cfg)

    def rates(self, epochs):
        """Train for `epochs`; return the rate of each."""
        rates = []
        for _ in range(epochs):
            rates.append(self.optimizer.param_groups[0]["lr"])
            self.optimizer.step()
            self.scheduler.step()
        return rates


def test_constant_warmup_then_uncompressed_cosine(optim_cfg):
    optim_cfg.merge_from_list(["MAX_EPOCH", 15, "WARMUP_EPOCH", 1])
    cosine = [0.01 / 2 * (1 + math.cos(math.pi * t / 15)) for t in range(14)]
    rates = Schedule(optim_cfg).rates(15)
    assert rates == pytest.approx([1e-5, *cosine])
    assert rates[:4] == pytest.approx([1e-5, 0.01, 0.0098907, 0.0095677], abs=5e-8)
    assert rates[-1] == pytest.approx(0.00043227, abs=5e-9)


def test_linear_warmup(optim_cfg):
    optim_cfg.merge_from_list(["MAX_EPOCH", 6, "WARMUP_EPOCH", 2, "WARMUP_TYPE", "linear"])
    assert Schedule(optim_cfg).rates(3) == pytest.approx([1e-5, 0.005, 0.01])


def test_warmup_that_counts_into_the_main_schedule(optim_cfg):
    optim_cfg.merge_from_list(["MAX_EPOCH", 6, "WARMUP_EPOCH", 2, "WARMUP_RECOUNT", False])
    expected = [1e-5, 1e-5, 0.01, 0.00667, 0.00333, 0.00089]
    assert Schedule(optim_cfg).rates(6) == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize(
    ("name", "steps", "expected"),
    [
        ("single_step", (1, 2), [1, 1, 0.1, 0.1, 0.01]),
        ("single_step", (-1,), [1, 1, 1, 1, 1]),
        ("multi_step", (1, 4), [1, 0.1, 0.1, 0.1, 0.01]),
    ],
)
def test_steps(optim_cfg, name, steps, expected):
    optim_cfg.merge_from_list(
        ["MAX_EPOCH", 6, "WARMUP_EPOCH", -1, "LR_SCHEDULER", name, "STEPSIZE", steps]
    )
    assert Schedule(optim_cfg).rates(5) == pytest.approx([0.01 * factor for factor in expected])


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("warmup", [None, *WARMUPS])
@pytest.mark.parametrize("stop", [1, 2, 5])
def test_state_is_plain_and_continues_exactly(optim_cfg, name, warmup, stop, tmp_path):
    optim_cfg.merge_from_list(["LR_SCHEDULER", name, "MAX_EPOCH", 8, "STEPSIZE", (2, 5)])
    optim_cfg.WARMUP_EPOCH = 2 if warmup else -1
    optim_cfg.WARMUP_TYPE = warmup or "linear"
    expected = Schedule(optim_cfg).rates(8)

    first = Schedule(optim_cfg)
    rates = first.rates(stop)
    torch.save([first.optimizer.state_dict(), first.scheduler.state_dict()], tmp_path / "state")
    assert only_numbers(first.scheduler.state_dict())
    second = Schedule(optim_cfg)
    optimizer_state, scheduler_state = torch.load(tmp_path / "state", weights_only=True)
    second.optimizer.load_state_dict(optimizer_state)
    second.scheduler.load_state_dict(scheduler_state)
    assert rates + second.rates(8 - stop) == expected


def only_numbers(value):
    """Whether `value` is made of dicts, lists, ints and floats only."""
    if type(value) in (dict, list):
        return all(map(only_numbers, value.values() if isinstance(value, dict) else value))
    return type(value) in (int, float)
