"""A CoOp-style trainer trains, saves, tests and loads; the log has the original's lines."""

import re

import pytest
import torch

from dassl.config import get_cfg_default
from dassl.engine import TrainerX
from dassl.utils import UnknownNameError

PROGRESS = re.compile(
    r"^epoch \[\d/3\] batch \[\d/4\] time \d+\.\d{3} \(\d+\.\d{3}\) data \d+\.\d{3} \(\d+\.\d{3}\) "
    r"loss \d+\.\d{4} \(\d+\.\d{4}\) acc \d+\.\d{4} \(\d+\.\d{4}\) lr (\d\.\d{4}e-\d\d) "
    r"eta \d+:\d\d:\d\d$",
    re.MULTILINE,
)


def lines_in_order(text, *lines):
    """Whether `lines` appear in `text` one after the other."""
    position = -1
    for line in lines:
        position = text.find(line, position + 1)
        if position < 0:
            return False
    return True


def test_training_prints_the_lines_of_dassl(cfg, seeded_trainer, capsys):
    seeded_trainer(cfg).train()
    out = capsys.readouterr().out
    assert lines_in_order(
        out,
        "Loading trainer: ToyPrompts",
        "Loading dataset: ToyColours",
        "Building transform_train",
        "Building transform_test",
        "Dataset    ToyColours",
        "# train_x  18",
        "Loading evaluator: Classification",
        "No checkpoint found, train from scratch",
        f"Initialize tensorboard (log_dir={cfg.OUTPUT_DIR}/tensorboard)",
        "epoch [1/3] batch [1/4]",
        f"Checkpoint saved to {cfg.OUTPUT_DIR}/prompt_learner/model.pth.tar-1",
        f"Checkpoint saved to {cfg.OUTPUT_DIR}/prompt_learner/model.pth.tar-3",
        "Finish training",
        "Deploy the last-epoch model",
        "Evaluate on the *test* set",
        "=> result",
        "Elapsed: 0:00:",
    )


def test_learning_rate_changes_within_the_last_batch_of_an_epoch(cfg, seeded_trainer, capsys):
    seeded_trainer(cfg).train()
    rates = PROGRESS.findall(capsys.readouterr().out)
    warm, full, next_rate = "1.0000e-05", "2.0000e-03", "1.5000e-03"
    assert rates[:9] == [warm] * 3 + [full] * 4 + [next_rate] * 2


@pytest.mark.parametrize(("frequency", "printed"), [(2, "2/4 4/4"), (5, "1/4 2/4 3/4 4/4")])
def test_print_frequency(cfg, seeded_trainer, capsys, frequency, printed):
    cfg.TRAIN.PRINT_FREQ = frequency
    cfg.OPTIM.MAX_EPOCH = 1
    seeded_trainer(cfg).train()
    assert re.findall(r"batch \[(\d/\d)\]", capsys.readouterr().out) == printed.split()


def test_training_learns_and_a_loaded_model_scores_the_same(cfg, seeded_trainer):
    cfg.OPTIM.MAX_EPOCH = 6
    trainer = seeded_trainer(cfg)
    trainer.train()
    accuracy = trainer.test()
    assert accuracy > 60
    fresh = seeded_trainer(cfg)
    fresh.load_model(cfg.OUTPUT_DIR, epoch=6)
    assert fresh.test() == accuracy
    assert torch.equal(fresh.model.prompt_learner.ctx, trainer.model.prompt_learner.ctx)


def test_only_registered_models_switch_between_training_and_evaluation(cfg, seeded_trainer):
    trainer = seeded_trainer(cfg)
    trainer.set_model_mode("eval")
    assert not trainer.model.prompt_learner.training
    assert trainer.model.training
    with pytest.raises(UnknownNameError, match="evil"):
        trainer.set_model_mode("evil")


def test_models_are_registered_once_and_after_the_base_constructor(cfg, seeded_trainer):
    trainer = seeded_trainer(cfg)
    with pytest.raises(ValueError, match="prompt_learner"):
        trainer.register_model("prompt_learner", torch.nn.Linear(1, 1))
    with pytest.raises(AttributeError, match="super"):
        TrainerX.__new__(TrainerX).register_model("model", torch.nn.Linear(1, 1))
    with pytest.raises(UnknownNameError, match="prompt_learner"):
        trainer.get_model_names(["prompt_lerner"])


def test_infinite_loss_stops_before_it_reaches_the_weights(cfg, seeded_trainer):
    trainer = seeded_trainer(cfg)
    before = trainer.model.prompt_learner.ctx.clone()
    loss = trainer.model.prompt_learner.ctx.sum() * float("nan")
    with pytest.raises(FloatingPointError, match="Loss is infinite or NaN!"):
        trainer.model_backward_and_update(loss)
    assert torch.equal(trainer.model.prompt_learner.ctx, before)


def test_best_model_is_chosen_on_validation_images(cfg, seeded_trainer, capsys):
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = seeded_trainer(cfg)
    results = iter([50.0, 70.0, 70.0])
    real_test = trainer.test
    trainer.test = lambda split=None: next(results) if split == "val" else real_test(split)
    trainer.train()
    out = capsys.readouterr().out
    assert out.count("model-best.pth.tar\n") == 2  # 70 is better than 50, not than 70
    assert "Deploy the model with the best val performance" in out
    assert 'model-best.pth.tar" (epoch = 2)' in out


def test_best_model_is_never_chosen_on_test_images(cfg, seeded_trainer):
    cfg.TEST.FINAL_MODEL = "best_val"
    trainer = seeded_trainer(cfg)
    trainer.dm.dataset._val = trainer.dm.dataset.test[:1]
    with pytest.raises(ValueError, match="also test images"):
        trainer.train()
    trainer.dm.dataset._val = None
    with pytest.raises(ValueError, match="no validation images"):
        trainer.train()


def test_validation_falls_back_to_the_test_images(cfg, seeded_trainer, capsys):
    trainer = seeded_trainer(cfg)
    trainer.test(split="val")
    assert "Evaluate on the *val* set" in capsys.readouterr().out
    trainer.val_loader = None
    trainer.test(split="val")
    assert "Evaluate on the *test* set" in capsys.readouterr().out


def test_unknown_final_model_names_the_choices(cfg, seeded_trainer):
    cfg.TEST.FINAL_MODEL = "best"
    with pytest.raises(UnknownNameError, match="best_val, last_step"):
        seeded_trainer(cfg).train()


def test_tensorboard_is_closed_when_training_fails(cfg, seeded_trainer):
    trainer = seeded_trainer(cfg)
    trainer.forward_backward = lambda batch: 1 / 0
    with pytest.raises(ZeroDivisionError):
        trainer.train()
    assert trainer._writer is None


def test_defaults_select_nothing():
    cfg = get_cfg_default()
    assert (cfg.TRAINER.NAME, cfg.DATASET.NAME) == ("", "")
