"""`rpo eval` gives every run the results that it has alone."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo.cli import main
from rpo.methods import rpo as definition


@pytest.fixture
def runs(make_config, tmp_path):
    """The folders of two trained seeds, and of one with other options."""

    def train(name, *options):
        folder = tmp_path / "output" / "train_base" / name
        base = ("OUTPUT_DIR", str(folder), "DATASET.SUBSAMPLE_CLASSES", "base", "OPTIM.LR", 1.0)
        cfg = make_config(options=(*base, *options), classes=6, images=12)
        set_random_seed(cfg.SEED)
        build_trainer(cfg).train()
        return str(folder)

    return train


def results(folder):
    return json.loads((Path(folder) / "results.json").read_text())


def test_several_runs_in_one_pass(runs, capsys):
    folders = [runs("seed1", "SEED", 1), runs("seed2", "SEED", 2)]
    assert main(["eval", *folders, "--classes", "base", "new"]) == 0
    for seed, folder in enumerate(folders, start=1):
        evaluated = results(folder.replace("train_base", "test_base"))
        assert evaluated["seed"] == seed and evaluated["classes"] == "base"
        trained = results(folder)
        assert evaluated["metrics"] == trained["metrics"]
        assert evaluated["details"] == trained["details"] and evaluated["history"] == []
        assert evaluated["seconds"] == {} and evaluated["peak_mb"] is None  # shared by all
        assert evaluated["trained_on"] == trained["trained_on"]
        assert evaluated["trained_on"]["seed"] == seed
        assert evaluated["data"] == trained["data"] and evaluated["config"]["SEED"] == seed
        same = ("backbone", "split", "sample", "config", "learnt", "predictions")
        assert {key: evaluated["sha256"][key] for key in same} == trained["sha256"]
        assert results(folder.replace("train_base", "test_new"))["classes"] == "new"
    both = folders[0].rpartition("/train_base")[0]
    assert main(["verify", both, "--images", "9"]) == 0
    capsys.readouterr()
    assert main(["report", both, "--table", "cost", "--format", "csv"]) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    peaks = [results(folder)["peak_mb"] for folder in folders]
    assert row["runs"] == "2" and float(row["peak MiB"]) == pytest.approx(max(peaks), abs=0.01)


def test_a_cost_that_was_measured_stays(runs, capsys):
    """A run that shares nothing has its own; what several share takes no earlier one away."""
    folders = [runs("seed1", "SEED", 1), runs("seed2", "SEED", 2)]
    tested = folders[0].replace("train_base", "test_new")
    assert main(["eval", folders[0]]) == 0
    alone = results(tested)
    assert alone["seconds"]["test"] > 0 and alone["peak_mb"] > 0
    assert main(["eval", *folders]) == 0
    assert [results(tested)[key] == alone[key] for key in ("seconds", "peak_mb")] == [True, True]
    assert results(folders[1].replace("train_base", "test_new"))["seconds"] == {}
    (Path(tested) / "results.json").write_text("[")
    assert main(["eval", *folders]) == 0
    assert results(tested)["seconds"] == {}


def test_an_earlier_epoch_is_not_mistaken_for_the_last(runs, tmp_path, capsys):
    """It is an experiment of its own, and takes the place of no result of the whole training."""
    folder = runs("seed1", "TRAIN.CHECKPOINT_FREQ", 1, "OPTIM.MAX_EPOCH", 3)
    tested = folder.replace("train_base", "test_new")
    assert main(["eval", folder]) == 0
    whole = results(tested)
    assert main(["eval", folder, "--load-epoch", "1"]) == 2
    assert f"{tested} holds what was measured after the whole" in capsys.readouterr().err
    again = ("--eval-only", "--model-dir", folder, "--load-epoch", "1", "--output-dir")
    named = config_of(folder, tmp_path / "again.yaml")
    assert main(["train", *named, *again, tested]) == 2 and results(tested) == whole
    assert main(["eval", folder, "--load-epoch", "3"]) == 0
    assert results(tested)["metrics"] == whole["metrics"] and "epoch" not in results(tested)
    other = str(tmp_path / "other/seed1")
    assert main(["train", *named, *again, other]) == 0 and results(other)["epoch"] == 1
    assert main(["verify", other]) == 0
    shutil.rmtree(tested)
    assert main(["eval", folder, "--load-epoch", "1"]) == 0 and results(tested)["epoch"] == 1
    capsys.readouterr()
    assert main(["report", str(tmp_path / "output"), "--format", "csv"]) == 0
    assert ",RPO,test_new (epoch 1)," in capsys.readouterr().out
    assert main(["eval", folder]) == 0 and "epoch" not in results(tested)
    for epoch, has in (("1", False), ("3", True)):
        saved = tmp_path / epoch
        assert main(["export", folder, "-o", str(saved), "--load-epoch", epoch]) == 0
        assert bool(json.loads((saved / "config.json").read_text())["accuracy"]) == has


def config_of(folder, path):
    """Options of `rpo train` for the configuration of a run, on its new classes."""
    config = json.loads((Path(folder) / "run.json").read_text())["config"]
    config["DATASET"]["SUBSAMPLE_CLASSES"] = "new"
    path.write_text(yaml.safe_dump(config))
    return ("--config-file", str(path))


def test_runs_from_before_and_after_a_change_of_evaluator(runs, capsys):
    folders = [runs("seed1", "SEED", 1, "TEST.EVALUATOR", "Classification"), runs("seed2")]
    assert main(["eval", *folders, "--classes", "base"]) == 0
    for folder in folders:
        assert results(folder.replace("train_base", "test_base"))["details"]["test"]["confusion"]


def test_runs_that_do_not_fit_together_are_refused(runs, capsys, tmp_path):
    first, other = runs("seed1"), runs("other", "TRAINER.RPO.INIT", "random")
    assert main(["eval", first, other]) == 2
    assert f"{other} has another configuration than {first}" in capsys.readouterr().err
    assert main(["eval", str(tmp_path)]) == 2
    assert "there is no run.json in it" in capsys.readouterr().err


def test_weights_that_were_replaced_are_refused(runs, clip_file, tmp_path, capsys):
    weights = tmp_path / "clip.pt"
    shutil.copy(clip_file, weights)
    folder = runs("seed1", "MODEL.BACKBONE.NAME", str(weights))
    torch.save(
        {name: 2 * value for name, value in torch.load(clip_file, weights_only=True).items()},
        weights,
    )
    assert main(["eval", folder]) == 2
    assert f"{folder} was trained with other weights than {weights}" in capsys.readouterr().err


def test_a_run_on_validation_images_keeps_its_results(runs, capsys):
    folder = runs("seed1", "TEST.SPLIT", "val")
    assert main(["eval", folder, "--classes", "base"]) == 2
    assert f"{folder} is a run with TEST.SPLIT val" in capsys.readouterr().err


def test_a_run_of_the_definition_is_not_evaluated_as_the_fast_form(runs, capsys):
    """Which someone has changed, perhaps."""
    folder = runs("seed1", "TRAINER.RPO.FORM", "masked")
    assert main(["eval", folder]) == 2
    assert "with read-only prompts and form cached can share a pass" in capsys.readouterr().err
    assert not Path(folder.replace("train_base", "test_new")).exists()


def test_the_forms_are_compared_here_too(runs, monkeypatch, capsys):
    folder = runs("seed1")
    monkeypatch.setattr(definition, "read_only_pass", lambda layers, prompts: 0 * prompts)
    assert main(["eval", folder, "--classes", "new"]) == 2
    assert "CachedForm.read_images of rpo/methods/rpo.py disagree" in capsys.readouterr().err
