"""Weights & Biases, with a stand-in for the package that notes what it is told."""

import sys
import types
from pathlib import Path

import pytest
from dassl.engine import build_trainer

ON = ("LOGGING.WANDB", True, "TRAIN.CHECKPOINT_FREQ", 1)


class Recorder:
    """In the place of a run there."""

    def __init__(self, **options):
        self.options, self.logged, self.finished = options, [], False

    def define_metric(self, name, step_metric):
        pass

    def log(self, values):
        assert not self.finished
        self.logged.append(values)

    def finish(self):
        self.finished = True


@pytest.fixture
def recorders(monkeypatch):
    """The runs that were begun."""
    begun = []

    def init(**options):
        begun.append(Recorder(**options))
        return begun[-1]

    stand_in = types.ModuleType("wandb")
    stand_in.init = init
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    return begun


def test_it_gets_configuration_scalars_and_final_metrics(make_config, recorders):
    cfg = make_config(options=ON)
    trainer = build_trainer(cfg)
    trainer.train()
    (run,) = recorders
    assert run.finished and run.options["project"] == "rpo" and run.options["resume"] is None
    assert run.options["config"]["OPTIM"]["LR"] == 0.01
    assert Path(run.options["dir"]) == Path(cfg.OUTPUT_DIR)
    losses = [values for values in run.logged if "train/loss" in values]
    assert [values["batch"] for values in losses] == list(range(2 * trainer.num_batches))
    assert losses[-1]["train/loss"] == trainer.history[-1]["loss"]
    final = {tag: value for values in run.logged for tag, value in values.items() if "/" in tag}
    for metric, value in trainer.metrics["test"].items():
        assert final[f"test/{metric}"] == value


def test_a_resumed_run_is_the_same_run(make_config, recorders, monkeypatch, tmp_path):
    cfg = make_config(options=ON)
    trainer = build_trainer(cfg)

    def stop():
        if trainer.epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "before_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    build_trainer(cfg).train()
    build_trainer(make_config(options=(*ON, "OUTPUT_DIR", str(tmp_path / "other")))).train()
    first, second, other = recorders
    assert first.finished and second.options["resume"] == "allow"
    assert first.options["id"] == second.options["id"] != other.options["id"]


def test_it_is_off_by_default_and_not_part_of_a_run(make_config, recorders):
    build_trainer(make_config()).train()
    assert recorders == []
    assert build_trainer(make_config(options=ON)).run_state() == "finished"


@pytest.mark.parametrize("leftover", [None, types.ModuleType("wandb")])
def test_not_installed_is_said_before_anything_is_loaded(make_config, monkeypatch, leftover):
    """Also where only a folder called wandb is found."""
    monkeypatch.setitem(sys.modules, "wandb", leftover)
    cfg = make_config(options=(*ON, "MODEL.BACKBONE.NAME", "no such file"))
    with pytest.raises(ImportError, match=r"pip install 'rpo-clip\[wandb\]'"):
        build_trainer(cfg)
