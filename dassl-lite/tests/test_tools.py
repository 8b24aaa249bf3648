"""Small helpers."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.collect_env import get_pretty_env_info

from dassl.utils import (
    AverageMeter,
    MetricMeter,
    check_isfile,
    collect_env_info,
    count_num_param,
    listdir_nohidden,
    mkdir_if_missing,
    open_all_layers,
    read_json,
    set_random_seed,
    tolist_if_not,
    write_json,
)


def test_listing_is_sorted_without_hidden_names(tmp_path, monkeypatch):
    monkeypatch.setattr("os.listdir", lambda path: ["b", ".git", "a", "c"])
    assert listdir_nohidden(str(tmp_path)) == ["a", "b", "c"]
    assert listdir_nohidden(str(tmp_path), sort=False) == ["a", "b", "c"]


def test_json_appears_whole_or_not_at_all(tmp_path):
    path = str(tmp_path / "new" / "split.json")
    write_json({"train": [["a.jpg", 0, "cat"]]}, path)
    with pytest.raises(TypeError):
        write_json({"fine": 1, "not": object()}, path)
    assert read_json(path) == {"train": [["a.jpg", 0, "cat"]]}
    assert listdir_nohidden(str(tmp_path / "new")) == ["split.json"]


def test_files_and_folders(tmp_path):
    mkdir_if_missing(str(tmp_path / "a" / "b"))
    mkdir_if_missing(str(tmp_path / "a" / "b"))
    assert check_isfile(__file__)
    with pytest.warns(UserWarning, match='No file found at ".*nowhere"'):
        assert not check_isfile(str(tmp_path / "nowhere"))


def test_zero_is_a_seed():
    def draw():
        return random.random(), np.random.rand(), torch.rand(()).item()

    set_random_seed(0)
    first = draw()
    assert draw() != first
    set_random_seed(0)
    assert draw() == first


def test_meters():
    meters = MetricMeter()
    meters.update({"loss": torch.tensor(1.0), "acc": 50})
    meters.update({"loss": 2.0, "acc": 100})
    meters.update(None)
    assert str(meters) == "loss 2.0000 (1.5000) acc 100.0000 (75.0000)"
    with pytest.raises(TypeError, match="list"):
        meters.update([1.0])
    weighted = AverageMeter()
    weighted.update(1.0, n=3)
    weighted.update(5.0)
    assert weighted.avg == 2
    smooth = AverageMeter(ema=True)
    smooth.update(1.0)
    smooth.update(2.0)
    assert smooth.avg == pytest.approx(1.1)


def test_layers_and_parameters():
    model = nn.Linear(3, 2).eval().requires_grad_(False)
    open_all_layers(model)
    assert model.training
    assert all(param.requires_grad for param in model.parameters())
    assert count_num_param(model) == 8
    assert count_num_param(params=model.parameters()) == 8
    assert count_num_param(params={"params": [model.bias]}) == 2
    with pytest.raises(ValueError, match="model or params"):
        count_num_param()


def test_environment_names_versions():
    text = collect_env_info()
    assert torch.__version__ in text
    assert "Pillow" in text


def test_environment_is_described_as_pytorch_does():
    pytest.importorskip("pip", reason="whose help PyTorch takes")
    assert collect_env_info().startswith(get_pretty_env_info())


def test_tolist_if_not():
    assert tolist_if_not([1]) == [1]
    assert tolist_if_not("head") == ["head"]
