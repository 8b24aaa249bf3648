"""Runs that were interrupted, damaged or went astray say so, and cost what they cost."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from dassl.engine import build_trainer
from dassl.utils import CheckpointError, set_random_seed

from rpo.runs import ConfigMismatchError, RunFolder


def results(cfg):
    return json.loads(Path(cfg.OUTPUT_DIR, "results.json").read_text())


def test_what_has_become_nan_is_neither_saved_nor_tested(make_trainer, monkeypatch):
    """With one batch an epoch no later loss would notice."""
    trainer = make_trainer(options=("OPTIM.MAX_EPOCH", 1, "DATALOADER.TRAIN_X.BATCH_SIZE", 8))
    prompt = trainer.model.prompt_learner.text_prompt
    monkeypatch.setattr(trainer.optim, "step", lambda: prompt.data.fill_(float("nan")))
    with pytest.raises(FloatingPointError, match="RPO has learnt is not finite: text_prompt"):
        trainer.train()
    folder = RunFolder(trainer.cfg.OUTPUT_DIR)
    assert folder.models() == [] and not Path(folder.path, "results.json").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checkpoint_of_nan_is_refused(make_trainer, value):
    trainer = make_trainer()
    trainer.train()
    (path,) = Path(trainer.cfg.OUTPUT_DIR).glob("prompt_learner/model.pth.tar-2")
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["img_prompt"][0, 0] = value
    torch.save(checkpoint, path)
    fresh = make_trainer()
    with pytest.raises(ValueError, match=r"tar-2 does not fit.*img_prompt holds NaN or infinity"):
        fresh.load_model(trainer.cfg.OUTPUT_DIR)


def test_a_model_of_nan_is_not_tested(make_trainer):
    trainer = make_trainer()
    trainer.model.prompt_learner.img_prompt.data[0, 0] = float("nan")
    with pytest.raises(FloatingPointError, match="tested with is not finite: img_prompt"):
        trainer.test()


def test_it_is_not_continued_either(make_config, tmp_path):
    """Nor started from; the file is named, and not the learning rate blamed."""
    cfg = make_config()
    set_random_seed(1)
    build_trainer(cfg).train()
    (path,) = Path(cfg.OUTPUT_DIR).glob("prompt_learner/model.pth.tar-2")
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["img_prompt"][0, 0] = float("nan")
    torch.save(checkpoint, path)
    longer = ("OUTPUT_DIR", str(tmp_path / "other"), "OPTIM.MAX_EPOCH", 3)
    with pytest.raises(FloatingPointError, match="the checkpoint in .*output is not finite"):
        build_trainer(make_config(options=(*longer, "RESUME", cfg.OUTPUT_DIR))).train()
    with pytest.raises(FloatingPointError, match=r"tar-2 is not finite: img_prompt"):
        build_trainer(make_config(options=(*longer, "MODEL.INIT_WEIGHTS", str(path))))


def test_a_backbone_of_nan_is_not_tested(make_config, clip_file, tmp_path):
    state = torch.load(clip_file, weights_only=True)
    state["visual.proj"][0, 0] = float("nan")
    torch.save(state, tmp_path / "damaged.pt")
    for method in ("ZeroshotCLIP", "LogisticProbe"):
        cfg = make_config(method, options=("MODEL.BACKBONE.NAME", str(tmp_path / "damaged.pt")))
        with pytest.raises(FloatingPointError, match="are NaN or infinite"):
            build_trainer(cfg).train()
        assert not Path(cfg.OUTPUT_DIR, "results.json").exists()


def test_weights_that_were_replaced_are_not_continued_or_tested(make_config, clip_file, tmp_path):
    """Under another name they may be: prompts of one CLIP are tried on another on purpose."""
    weights = tmp_path / "clip.pt"
    shutil.copy(clip_file, weights)
    on = ("MODEL.BACKBONE.NAME", str(weights), "OPTIM.MAX_EPOCH")
    cfg = make_config(options=(*on, 1))
    build_trainer(cfg).train()
    before = RunFolder(cfg.OUTPUT_DIR).stored()["backbone"]
    state = torch.load(clip_file, weights_only=True)
    state["visual.proj"] *= 2
    torch.save(state, weights)
    longer = make_config(options=(*on, 2, "RESUME", cfg.OUTPUT_DIR, "OUTPUT_DIR", str(tmp_path)))
    message = f"output was trained with other weights than {weights} has now: their SHA-256 was"
    with pytest.raises(ValueError, match=message):
        build_trainer(longer).train()
    with pytest.raises(ValueError, match=message):
        build_trainer(longer).load_model(cfg.OUTPUT_DIR)
    interrupted = RunFolder(cfg.OUTPUT_DIR)
    interrupted.record(interrupted.stored()["config"], False, backbone=before)
    with pytest.raises(ValueError, match=message):
        build_trainer(cfg).train()
    assert interrupted.stored()["backbone"] == before
    os.rename(weights, tmp_path / "other.pt")
    other = make_config(options=("MODEL.BACKBONE.NAME", str(tmp_path / "other.pt")))
    build_trainer(other).load_model(cfg.OUTPUT_DIR)


def test_an_interrupted_run_does_not_go_on_with_other_images(make_config, draw_image, tmp_path):
    for name in ("red", "green", "blue", "grey"):
        for number in range(8):
            draw_image(tmp_path / "mine" / name / f"{number}.png")
    own = ("DATASET.NAME", "ImageFolder", "DATASET.FOLDER", str(tmp_path / "mine"))
    cfg = make_config(options=own)
    build_trainer(cfg).train()
    folder = RunFolder(cfg.OUTPUT_DIR)
    interrupted = folder.stored() | {"finished": False}
    (folder.path / "run.json").write_text(json.dumps(interrupted))
    (folder.path / "results.json").unlink()
    draw_image(tmp_path / "mine" / "red" / "new.png")
    with pytest.raises(ConfigMismatchError, match="output holds a run on other images"):
        build_trainer(cfg).train()
    (tmp_path / "mine" / "red" / "new.png").unlink()
    build_trainer(cfg).train()
    assert folder.is_finished()


def test_a_checkpoint_of_another_run_is_not_continued(make_config, tmp_path):
    cfg = make_config(options=("TRAINER.RPO.K", 4))
    build_trainer(cfg).train()
    other = ("TRAINER.RPO.K", 2, "RESUME", cfg.OUTPUT_DIR, "OUTPUT_DIR", str(tmp_path / "other"))
    with pytest.raises(CheckpointError, match=r"weights in .*tar-2. cannot be continued: .*size"):
        build_trainer(make_config(options=other)).train()


def test_times_add_up_over_an_interruption(make_config, monkeypatch):
    """Of the first part, up to its last checkpoint, and of the second."""
    cfg = make_config(options=("OPTIM.MAX_EPOCH", 3, "TRAIN.CHECKPOINT_FREQ", 1))
    set_random_seed(1)
    trainer = build_trainer(cfg)
    step = trainer.forward_backward

    def stop(batch):
        if trainer.epoch == 2:
            raise KeyboardInterrupt
        time.sleep(0.1)
        return step(batch)

    monkeypatch.setattr(trainer, "forward_backward", stop)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    before = RunFolder(cfg.OUTPUT_DIR).so_far("seconds")
    assert before["train"] >= 0.2 and before["load"] > 0
    set_random_seed(1)
    resumed = build_trainer(cfg)
    load = resumed.seconds["load"]
    resumed.train()
    seconds = results(cfg)["seconds"]
    assert seconds["load"] == before["load"] + load
    assert before["train"] < seconds["train"] < before["train"] + 10
    assert RunFolder(cfg.OUTPUT_DIR).so_far("seconds")["train"] == seconds["train"]


def test_peak_memory_is_that_of_the_part(make_trainer):
    """A large allocation before the run does not count in it."""
    trainer = make_trainer("ZeroshotCLIP")
    held = torch.ones(200 * 2**18)  # 200 MiB while it runs
    trainer.test()
    peak = results(trainer.cfg)["peak_mb"]
    del held
    again = make_trainer("ZeroshotCLIP")
    again.test()
    if Path("/proc/self/clear_refs").exists():
        assert results(again.cfg)["peak_mb"] < peak - 100


class Killed(Exception):
    pass


@pytest.mark.parametrize("moment", ["before its own checkpoint", "before the last test"])
def test_a_run_killed_after_its_best_epoch_loses_nothing(make_config, monkeypatch, moment):
    """It has its validation, its best model and its numbered checkpoint, as undisturbed."""
    options = ("TEST.FINAL_MODEL", "best_val", "OPTIM.MAX_EPOCH", 1, "TRAIN.CHECKPOINT_FREQ", 1)
    cfg = make_config(options=options, images=8)
    set_random_seed(1)
    trainer = build_trainer(cfg)

    def kill(*args, **arguments):
        raise Killed

    name = "_save_if_due" if moment == "before its own checkpoint" else "after_train"
    monkeypatch.setattr(trainer, name, kill)
    with pytest.raises(Killed):
        trainer.train()
    validated = trainer.metrics["val"]
    set_random_seed(1)
    build_trainer(cfg).train()
    assert results(cfg)["metrics"]["val"] == validated
    learnt = {path.name for path in Path(cfg.OUTPUT_DIR, "prompt_learner").glob("model*")}
    assert learnt == {"model-best.pth.tar", "model.pth.tar-1"}
