"""What would mislead is refused: in one sentence, before anything is written."""

import os

import pytest
import torch

from dassl.config import get_cfg_default
from dassl.utils import CheckpointError


def test_a_split_that_does_not_exist(cfg, seeded_trainer):
    cfg.TEST.SPLIT = "bogus"
    with pytest.raises(ValueError, match='TEST.SPLIT "bogus"'):
        seeded_trainer(cfg).test()


def test_a_folder_to_resume_from_that_does_not_exist(cfg, seeded_trainer):
    cfg.RESUME = "/nope"
    with pytest.raises(FileNotFoundError, match="RESUME is /nope"):
        seeded_trainer(cfg).train()


def test_a_checkpoint_from_the_future(cfg, seeded_trainer, tmp_path):
    seeded_trainer(cfg).train()
    path = tmp_path / "output/prompt_learner/model.pth.tar-3"
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "epoch": 999}, path)
    os.remove(tmp_path / "output/run.json")
    with pytest.raises(CheckpointError, match="epoch 999, and OPTIM.MAX_EPOCH is 3"):
        seeded_trainer(cfg).train()


@pytest.mark.parametrize("pointer", ["", "model.pth.tar-77", "../run.json"])
def test_a_damaged_pointer_leads_to_the_last_checkpoint(
    cfg, seeded_trainer, tmp_path, capsys, pointer
):
    seeded_trainer(cfg).train()
    os.remove(tmp_path / "output/run.json")
    (tmp_path / "output/prompt_learner/checkpoint").write_text(pointer)
    capsys.readouterr()
    trainer = seeded_trainer(cfg)
    trainer.train()
    said = capsys.readouterr().out
    assert "names no checkpoint" in said and "model.pth.tar-3 is taken" in said
    assert trainer.start_epoch == 3


def test_a_model_of_nan_is_not_saved(cfg, seeded_trainer, tmp_path):
    trainer = seeded_trainer(cfg)
    with torch.no_grad():
        next(iter(trainer._models.values())).ctx[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match="prompt_learner has learnt NaN.*in ctx"):
        trainer.save_model(0, str(tmp_path / "output"))
    assert not (tmp_path / "output/prompt_learner").exists()


def test_configurations_are_yaml(tmp_path):
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'left')!r}, 'w').close()\ncfg = {{}}")
    with pytest.raises(ValueError, match="evil.py is no YAML file"):
        get_cfg_default().merge_from_file(str(tmp_path / "evil.py"))
    assert not (tmp_path / "left").exists()
