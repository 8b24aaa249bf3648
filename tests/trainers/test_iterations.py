"""Training that is counted in steps; and the file of CLIP-LoRA's released program."""

import math
from pathlib import Path

import pytest
import torch

STEPS = ("TRAINER.CLIPLORA.N_ITERS", 3, "OPTIM.LR", 0.002)  # for each of 2 shots


def test_so_many_steps_for_each_shot_and_a_cosine_over_all(make_trainer, monkeypatch):
    trainer = make_trainer("CLIPLoRA", options=STEPS)
    rates, step = [], trainer.forward_backward

    def noted(batch):
        rates.append(trainer.get_current_lr())
        return step(batch)

    monkeypatch.setattr(trainer, "forward_backward", noted)
    trainer.train()
    expected = [1e-6 + (0.002 - 1e-6) * (1 + math.cos(math.pi * n / 6)) / 2 for n in range(6)]
    assert rates == pytest.approx(expected)
    assert Path(trainer.cfg.OUTPUT_DIR, "lora/model.pth.tar-2").is_file()


def test_a_cosine_for_each_of_two_stages(make_trainer):
    options = ("TRAINER.TWOSTAGE.N_ITERS", 5, "OPTIM.LR", 0.002)  # 10 steps, of which 6 come first
    trainer = make_trainer("TwoStage", options=options)
    rates = [0.002 * trainer.share_of_rate(step) for step in range(10)]
    places = [n / 6 for n in range(6)] + [n / 4 for n in range(4)]
    expected = [1e-6 + (0.002 - 1e-6) * (1 + math.cos(math.pi * part)) / 2 for part in places]
    assert rates == pytest.approx(expected)
    trainer.train()
    assert trainer.model.classifies and len(trainer.train_loader_x) == 5


def test_interrupted_and_resumed_it_is_the_same(make_trainer, tmp_path):
    """Between two epochs, behind the first of which the second stage begins."""
    options = ("TRAINER.TWOSTAGE.N_ITERS", 5, "TRAIN.CHECKPOINT_FREQ", 1, "OUTPUT_DIR")
    make_trainer("TwoStage", options=(*options, str(tmp_path / "whole"))).train()
    parts = make_trainer("TwoStage", options=(*options, str(tmp_path / "parts")))
    parts.after_epoch = lambda end=parts.after_epoch: (end(), 1 / 0)
    with pytest.raises(ZeroDivisionError):
        parts.train()
    make_trainer("TwoStage", options=(*options, str(tmp_path / "parts"))).train()
    first, second = (
        torch.load(tmp_path / folder / "two_stage/model.pth.tar-2", weights_only=True)
        for folder in ("whole", "parts")
    )
    assert first["scheduler"] == second["scheduler"]
    states = first["state_dict"], second["state_dict"]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_it_needs_shots(make_config, make_trainer):
    with pytest.raises(ValueError, match="CLIPLORA.N_ITERS 3 counts steps for each shot"):
        make_trainer("CLIPLoRA", options=(*STEPS, "DATASET.NUM_SHOTS", -1))


@pytest.fixture
def released(make_trainer, tmp_path):
    """A folder with what the released program would find and leave, and who wrote it."""
    trainer = make_trainer("CLIPLoRA", options=STEPS)
    trainer.train()
    (tmp_path / "released").mkdir()
    (tmp_path / "output/lora/lora_weights.pt").rename(tmp_path / "released/lora_weights.pt")
    return tmp_path / "released", trainer


def test_the_file_of_the_released_program(released, make_trainer):
    folder, trained = released
    content = torch.load(folder / "lora_weights.pt", weights_only=True)
    assert content["metadata"] == {
        "r": 2, "alpha": 1, "encoder": "both", "params": ["q", "k", "v"], "position": "all",
    }  # fmt: skip
    assert list(content["weights"]) == [f"layer_{index}" for index in range(4)]
    learnt = content["weights"]["layer_3"]["v_proj"]["w_lora_B"]
    assert torch.equal(learnt, trained.model.layers["layer_3"]["v_proj"].w_lora_B)
    fresh = make_trainer("CLIPLoRA", options=("SEED", 5))
    fresh.load_model(str(folder))
    images = torch.randn(2, 3, 32, 32)
    for trainer in (trained, fresh):
        trainer.set_model_mode("eval")
    assert torch.equal(fresh.model_inference(images), trained.model_inference(images))


def test_other_settings_than_those_of_the_file(released, make_trainer):
    folder, _ = released
    other = make_trainer("CLIPLoRA", options=("TRAINER.CLIPLORA.ALPHA", 4))
    with pytest.raises(ValueError, match="was trained with TRAINER.CLIPLORA.ALPHA 1"):
        other.load_model(str(folder))
