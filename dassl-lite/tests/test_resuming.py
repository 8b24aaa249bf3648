"""An interrupted run that goes on ends exactly where an uninterrupted one does."""

import random

import numpy as np
import pytest
import torch

from dassl.utils import CheckpointError


class Interrupted(Exception):
    """Stands for whatever kills a run."""


def interrupt(trainer, epoch, batch_idx):
    """Let `trainer` fail in the given batch, after some of its random numbers were drawn."""
    step = trainer.forward_backward

    def failing_step(batch):
        if (trainer.epoch, trainer.batch_idx) == (epoch, batch_idx):
            torch.rand(7)
            raise Interrupted
        return step(batch)

    trainer.forward_backward = failing_step
    with pytest.raises(Interrupted):
        trainer.train()
    del trainer.forward_backward  # refers to the trainer, and so would keep its workers waiting


def uninterrupted(cfg, seeded_trainer, tmp_path):
    straight = cfg.clone()
    straight.OUTPUT_DIR = str(tmp_path / "straight")
    trainer = seeded_trainer(straight)
    trainer.train()
    return trainer


def assert_same_weights(one, other):
    mine, its = one.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(mine[key], its[key]) for key in mine)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("precision", ["fp32", "amp"])
def test_resumed_weights_are_bit_identical(cfg, seeded_trainer, tmp_path, workers, precision):
    cfg.DATALOADER.NUM_WORKERS = workers
    cfg.TRAINER.TOYPROMPTS.PREC = precision
    straight = uninterrupted(cfg, seeded_trainer, tmp_path)
    interrupt(seeded_trainer(cfg), epoch=1, batch_idx=2)
    resumed = seeded_trainer(cfg)
    resumed.train()
    assert resumed.start_epoch == 1
    assert_same_weights(straight, resumed)
    assert straight.optim.param_groups[0]["lr"] == resumed.optim.param_groups[0]["lr"]
    if precision == "amp":
        assert straight.scaler.state_dict() == resumed.scaler.state_dict()


@pytest.mark.parametrize("reseed", [random.seed, np.random.seed, torch.manual_seed])
def test_every_random_generator_reaches_the_weights(cfg, seeded_trainer, tmp_path, reseed):
    """Or else the test above would not notice a generator that was not restored."""
    straight = uninterrupted(cfg, seeded_trainer, tmp_path)
    other = seeded_trainer(cfg)
    reseed(1)
    other.train()
    assert not torch.equal(straight.model.prompt_learner.ctx, other.model.prompt_learner.ctx)


def test_resuming_says_so(cfg, seeded_trainer, capsys):
    interrupt(seeded_trainer(cfg), epoch=2, batch_idx=0)
    capsys.readouterr()
    seeded_trainer(cfg).train()
    out = capsys.readouterr().out
    path = f"{cfg.OUTPUT_DIR}/prompt_learner/model.pth.tar-2"
    assert (
        f"Found checkpoint at {cfg.OUTPUT_DIR} (will resume training)\n"
        f'Loading checkpoint from "{path}"\n'
        "Loaded model weights\nLoaded optimizer\nLoaded scheduler\nPrevious epoch: 2\n"
    ) in out
    assert "epoch [3/3]" in out
    assert "epoch [2/3]" not in out


def test_best_result_survives(cfg, seeded_trainer):
    cfg.TEST.FINAL_MODEL = "best_val"
    first = seeded_trainer(cfg)
    first.test = lambda split=None: 70.0
    interrupt(first, epoch=1, batch_idx=0)
    second = seeded_trainer(cfg)
    second.test = lambda split=None: 60.0
    second.train()
    assert second.best_result == 70.0
    second.load_model(cfg.OUTPUT_DIR)


def test_run_killed_before_its_final_test_just_tests(cfg, seeded_trainer, capsys):
    first = seeded_trainer(cfg)
    first.after_train = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        first.train()
    capsys.readouterr()
    seeded_trainer(cfg).train()
    out = capsys.readouterr().out
    assert "batch [" not in out
    assert "Evaluate on the *test* set" in out


def test_resume_folder_of_another_run(cfg, seeded_trainer, tmp_path):
    straight = uninterrupted(cfg, seeded_trainer, tmp_path)
    cfg.RESUME = straight.output_dir
    resumed = seeded_trainer(cfg)
    resumed.train()
    assert resumed.start_epoch == 3
    assert_same_weights(straight, resumed)


def test_best_model_of_another_folder_does_not_count_here(cfg, seeded_trainer, tmp_path):
    cfg.TEST.FINAL_MODEL = "best_val"
    straight = uninterrupted(cfg, seeded_trainer, tmp_path)
    cfg.RESUME = straight.output_dir
    cfg.OPTIM.MAX_EPOCH = 4
    longer = seeded_trainer(cfg)
    results = iter([0.0, 10.0])  # validation, then the final test
    longer.test = lambda split=None: next(results)
    longer.train()
    assert longer.best_result == 0.0
    assert (tmp_path / "output" / "prompt_learner" / "model-best.pth.tar").exists()


def test_longer_training_follows_the_new_configuration(cfg, seeded_trainer, tmp_path):
    straight = uninterrupted(cfg, seeded_trainer, tmp_path)
    cfg.RESUME = straight.output_dir
    cfg.OPTIM.MAX_EPOCH = 5
    longer = seeded_trainer(cfg)
    longer.train()
    assert longer.sched.successor.T_max == 5
    assert longer.sched.successor.last_epoch == 4


def test_checkpoint_of_a_first_epoch_that_never_came(cfg, seeded_trainer, tmp_path, capsys):
    (tmp_path / "output" / "prompt_learner").mkdir(parents=True)
    seeded_trainer(cfg).train()
    assert "No checkpoint found, train from scratch" in capsys.readouterr().out


def test_models_at_different_epochs_are_refused(cfg, seeded_trainer, tmp_path):
    trainer = seeded_trainer(cfg)
    trainer.register_model("extra", torch.nn.Linear(1, 1))
    trainer.save_model(0, cfg.OUTPUT_DIR)
    trainer.save_model(1, cfg.OUTPUT_DIR)
    (tmp_path / "output" / "extra" / "checkpoint").write_text("model.pth.tar-1\n")
    with pytest.raises(CheckpointError, match="'prompt_learner': 2, 'extra': 1"):
        trainer.resume_model_if_exist(cfg.OUTPUT_DIR)
