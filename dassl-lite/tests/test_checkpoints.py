"""Checkpoints that dassl writes: plain, whole, strict."""

import errno
import io
import os
import random
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from dassl.utils import (
    CheckpointError,
    capture_random_state,
    load_checkpoint,
    load_pretrained_weights,
    load_weights,
    restore_random_state,
    resume_from_checkpoint,
    save_checkpoint,
)
from dassl.utils import checkpoint as checkpoint_module


def state_of(model, **others):
    return {"state_dict": model.state_dict(), "epoch": 3, **others}


@pytest.mark.parametrize("precision", ["fp32", "amp"])
def test_every_file_of_a_run_loads_with_weights_only(cfg, seeded_trainer, tmp_path, precision):
    cfg.TEST.FINAL_MODEL = "best_val"
    cfg.TEST.COMPUTE_CMAT = True
    cfg.TRAINER.TOYPROMPTS.PREC = precision
    seeded_trainer(cfg).train()
    folder = tmp_path / "output" / "prompt_learner"
    names = ["model-best.pth.tar", *(f"model.pth.tar-{epoch}" for epoch in (1, 2, 3))]
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", *names]
    for name in names:
        checkpoint = torch.load(folder / name, weights_only=True)
        assert set(checkpoint) == {
            *("state_dict", "epoch", "optimizer", "scheduler", "val_result"),
            *("best_result", "scaler", "rng"),
        }
        assert (checkpoint["val_result"] is None) == (name != "model-best.pth.tar")
        assert (checkpoint["scaler"] is None) == (precision == "fp32")
    assert (folder / "checkpoint").read_text() == "model.pth.tar-3\n"


def test_module_prefix_is_stripped(tmp_path, capsys):
    save_checkpoint(state_of(nn.DataParallel(nn.Linear(2, 1))), str(tmp_path), is_best=True)
    path = tmp_path / "model.pth.tar-3"
    assert set(load_checkpoint(str(path))["state_dict"]) == {"weight", "bias"}
    assert capsys.readouterr().out == f"Checkpoint saved to {path}\n"
    assert (tmp_path / "model-best.pth.tar").exists()


def test_numbers_and_containers_become_plain(tmp_path):
    others = {"val_result": np.float64(50.5), "sizes": np.arange(2), "steps": Counter([4, 4])}
    save_checkpoint(state_of(nn.Linear(1, 1), **others), str(tmp_path))
    checkpoint = torch.load(tmp_path / "model.pth.tar-3", weights_only=True)
    assert {name: checkpoint[name] for name in others} == {
        "val_result": 50.5,
        "sizes": [0, 1],
        "steps": {4: 2},
    }
    assert type(checkpoint["steps"]) is dict


def test_objects_are_refused_by_place_and_leave_nothing(tmp_path):
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    with pytest.raises(TypeError, match=r"checkpoint\['scheduler'\]\['successor'\] is a SGD"):
        save_checkpoint(
            state_of(nn.Linear(1, 1), scheduler={"successor": optimizer}), str(tmp_path)
        )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file_and_is_named_with_it(tmp_path, monkeypatch):
    save_checkpoint(state_of(nn.Linear(1, 1), note="old"), str(tmp_path))
    before = sorted(tmp_path.iterdir())

    class Full(io.FileIO):
        def write(self, content):
            super().write(content[:4])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint_module, "open", Full, raising=False)
    with pytest.raises(OSError, match=r"No space left.*model\.pth\.tar-3'"):
        save_checkpoint(state_of(nn.Linear(1, 1), note="new"), str(tmp_path))
    assert sorted(tmp_path.iterdir()) == before
    assert load_checkpoint(str(tmp_path / "model.pth.tar-3"))["note"] == "old"


def test_resume_from_checkpoint(tmp_path):
    saved, fresh = nn.Linear(2, 1), nn.Linear(2, 1)
    save_checkpoint(state_of(saved), str(tmp_path))
    assert resume_from_checkpoint(str(tmp_path), fresh) == 3
    assert torch.equal(saved.weight, fresh.weight)


def test_random_state_returns_after_a_round_trip_through_a_file(tmp_path):
    def draw():
        return random.gauss(0, 1), np.random.randn(), torch.randn(2).tolist()

    draw()  # leaves a second Gaussian number stored in random and numpy
    torch.save(capture_random_state(), tmp_path / "rng")
    expected = draw()
    draw()
    restore_random_state(torch.load(tmp_path / "rng", weights_only=True))
    assert draw() == expected


def test_weights_are_strict_but_for_buffers_of_class_names():
    model = nn.Module()
    model.weight = nn.Parameter(torch.zeros(2))
    model.register_buffer("token_prefix", torch.zeros(3))
    stored = {"weight": torch.ones(2), "token_prefix": torch.ones(9), "token_suffix": torch.ones(1)}
    load_weights(model, stored)
    assert model.weight.tolist() == [1, 1]
    assert model.token_prefix.tolist() == [0, 0, 0]
    with pytest.raises(RuntimeError, match=r"missing \['weight'\], unexpected \['wieght'\]"):
        load_weights(model, {"wieght": torch.ones(2)})
    with pytest.raises(RuntimeError, match=r"missing \['weight'\], unexpected nothing"):
        load_weights(model, {})
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_weights(model, {"weight": torch.ones(3)})


def test_base_trainer_loads_a_model_without_validation_result(cfg, seeded_trainer):
    trainer = seeded_trainer(cfg)
    trainer.train()
    load_model = super(type(trainer), trainer).load_model
    load_model("")
    trainer.model.prompt_learner.ctx.data.zero_()
    load_model(cfg.OUTPUT_DIR, epoch=2)
    assert trainer.model.prompt_learner.ctx.any()
    with pytest.raises(FileNotFoundError, match="Model not found at .*model-best.pth.tar"):
        load_model(cfg.OUTPUT_DIR)


def test_pretrained_weights_load_what_fits(tmp_path):
    source, target = nn.Linear(2, 1), nn.Linear(3, 1)
    torch.save(
        {"module." + key: value for key, value in source.state_dict().items()}, tmp_path / "w"
    )
    with pytest.warns(UserWarning, match="weight"):
        load_pretrained_weights(target, str(tmp_path / "w"))
    assert torch.equal(source.bias, target.bias)
    with pytest.raises(CheckpointError, match="Nothing in"):
        load_pretrained_weights(nn.Linear(3, 3), str(tmp_path / "w"))
