"""Optimisers by name."""

import pytest
import torch
from torch import nn

from dassl.optim import build_optimizer
from dassl.optim.optimizer import OPTIMIZERS
from dassl.utils import UnknownNameError


@pytest.fixture
def optim_cfg(cfg):
    return cfg.OPTIM


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_reduces_a_loss_at_the_configured_rate(optim_cfg, name):
    optim_cfg.NAME = name
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = build_optimizer([weight], optim_cfg)
    for _ in range(5):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
    assert weight.item() < 1
    assert optimizer.param_groups[0]["lr"] == optim_cfg.LR
    assert optimizer.param_groups[0]["weight_decay"] == optim_cfg.WEIGHT_DECAY


def test_settings_reach_the_optimizer(optim_cfg):
    module = nn.Linear(2, 2)
    optim_cfg.MOMENTUM = 0.7
    assert build_optimizer(module, optim_cfg).param_groups[0]["momentum"] == 0.7
    optim_cfg.NAME = "amsgrad"
    optim_cfg.ADAM_BETA1 = 0.5
    group = build_optimizer(module, optim_cfg).param_groups[0]
    assert (group["amsgrad"], group["betas"]) == (True, (0.5, 0.999))


def test_given_groups_replace_the_parameters(optim_cfg):
    groups = [{"params": nn.Linear(1, 1).parameters(), "lr": 7.0}]
    optimizer = build_optimizer(nn.Linear(2, 2), optim_cfg, param_groups=groups)
    assert [group["lr"] for group in optimizer.param_groups] == [7.0]


def test_staged_rates(optim_cfg):
    model = nn.Sequential()
    model.add_module("body", nn.Linear(2, 3))
    model.add_module("head", nn.Linear(3, 1))
    optim_cfg.STAGED_LR = True
    optim_cfg.NEW_LAYERS = ("head",)
    base, new = build_optimizer(nn.DataParallel(model), optim_cfg).param_groups
    assert base["lr"] == pytest.approx(optim_cfg.LR * 0.1)
    assert new["lr"] == optim_cfg.LR
    assert new["params"] == list(model.head.parameters())
    optim_cfg.NEW_LAYERS = ("haed",)
    with pytest.raises(UnknownNameError, match='do you mean "head"'):
        build_optimizer(model, optim_cfg)
    with pytest.raises(TypeError, match="needs a module"):
        build_optimizer(list(model.parameters()), optim_cfg)
