"""`rpo train` as a user types it: what works, and what is said when it does not."""

import json
import os
from pathlib import Path

import pytest
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

from rpo.cli import main
from rpo.runs import RunFolder, locked
from rpo.trainers.config import default_config
from rpo.trainers.merging import merge_file

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
TINY = str(CONFIGS / "trainers/RPO/tiny_K24.yaml")
QUICK = ("DATASET.NUM_SHOTS", "1", "OPTIM.MAX_EPOCH", "1", "TRAINER.RPO.K", "2")


@pytest.fixture
def train(miniature, tmp_path):
    """Runs `rpo train` on a miniature EuroSAT; returns the exit status."""
    root = str(miniature("EuroSAT"))

    def run(*arguments, config=TINY, dataset="eurosat", options=QUICK):
        return main(
            ["train", "--root", root, "--trainer", "RPO", "--config-file", config]
            + ["--dataset-config-file", str(CONFIGS / f"datasets/{dataset}.yaml")]
            + ["--output-dir", str(tmp_path / "run"), "--seed", "1", *arguments, *options]
        )

    return run


def times_of_change(folder):
    """Of all files but the log, which the first run of this process still writes to, and the lock,
    which filelock empties when it takes it."""
    paths = (path for path in folder.rglob("*") if path.name not in ("log.txt", ".lock"))
    return {path: path.stat().st_mtime_ns for path in paths}


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_trains_records_and_evaluates(train, tmp_path):
    assert train() == 0
    record = results(tmp_path / "run")
    assert record["learnt_parameters"] == 2 * (128 + 128)
    assert record["config"]["OPTIM"]["MAX_EPOCH"] == 1
    status = train(
        "--eval-only", "--model-dir", str(tmp_path / "run"), "--output-dir", str(tmp_path / "test")
    )
    assert status == 0
    assert results(tmp_path / "test")["metrics"] == record["metrics"]
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "epoch [1/1] batch [1/1]" in log and "* accuracy: " in log


def test_a_finished_run_is_left_alone(train, tmp_path, capsys):
    train()
    before = times_of_change(tmp_path / "run")
    assert train() == 0
    assert "finished; nothing was trained or overwritten" in capsys.readouterr().out
    assert times_of_change(tmp_path / "run") == before


def test_a_method_of_ones_own_whose_source_has_changed(train, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("RPO_PATH", str(ROOT))  # as if ours were one
    train()
    train()
    assert "another source" not in capsys.readouterr().err
    run = json.loads((tmp_path / "run/run.json").read_text())
    (tmp_path / "run/run.json").write_text(json.dumps(run | {"source": 64 * "0"}))
    train()
    said = capsys.readouterr()
    assert f"the run in {tmp_path}/run was begun with another source of RPO than there" in said.err
    assert f"{ROOT}/rpo/methods/rpo.py" in said.err and "nothing was trained" in said.out
    train("--overwrite")
    assert "another source" not in capsys.readouterr().err
    assert json.loads((tmp_path / "run/run.json").read_text())["source"] == run["source"]


def test_another_config_in_a_used_folder_is_refused_until_overwritten(train, tmp_path, capsys):
    train()
    changed = ("OPTIM.LR", "0.5", *QUICK)
    assert train(options=changed) == 2
    assert "OPTIM.LR: 0.05 there, 0.5 now" in capsys.readouterr().err
    assert results(tmp_path / "run")["config"]["OPTIM"]["LR"] == 0.05
    assert train("--overwrite", options=changed) == 0
    assert results(tmp_path / "run")["config"]["OPTIM"]["LR"] == 0.5


def test_what_is_no_published_split_is_said_wherever_its_numbers_are(train, tmp_path, capsys):
    train()
    differs = results(tmp_path / "run")["data"]["unlike_published"]
    assert "val has 4 images, 5,400 are published" in differs
    capsys.readouterr()
    assert main(["report", str(tmp_path / "run"), "--table", "seeds"]) == 0
    assert "NOT COMPARABLE with published values: EuroSAT (" in capsys.readouterr().out


def test_flags_and_pairs_come_in_any_order(train, tmp_path, capsys):
    """As behind the pairs that the scripts give."""
    train()
    assert train(options=("OPTIM.LR", "0.5", "--overwrite", *QUICK, "SEED", "1")) == 0
    assert results(tmp_path / "run")["config"]["OPTIM"]["LR"] == 0.5
    assert train(options=("OPTIM.LR", "--overwrite", *QUICK)) == 2
    assert "OPTIM.LR" in capsys.readouterr().err


def test_evaluating_other_classes_in_a_training_folder_is_refused(train, tmp_path, capsys):
    train()
    run = str(tmp_path / "run")
    new = ("DATASET.SUBSAMPLE_CLASSES", "new", *QUICK)
    assert train("--eval-only", "--model-dir", run, options=new) == 2
    assert results(tmp_path / "run")["classes"] == "all"


def test_what_has_not_been_trained_cannot_be_evaluated(train, tmp_path, capsys):
    test = str(tmp_path / "test")
    there = str(tmp_path / "untrained")
    assert train("--eval-only", "--model-dir", there, "--output-dir", test) == 2
    said = capsys.readouterr()
    assert f"{there} holds no checkpoint: RPO has not been trained there yet." in said.err
    assert not said.out and not Path(test).exists()


def test_what_says_what_to_test_is_not_for_a_training(train, capsys):
    assert train("--load-epoch", "5") == 0
    assert "--model-dir and --load-epoch say what --eval-only tests" in capsys.readouterr().err


def test_an_evaluation_without_a_training_is_refused(train, tmp_path, capsys):
    """Dassl evaluates the prompts that it has drawn, which would take the place of a result."""
    train()
    before = results(tmp_path / "run")
    assert train("--eval-only") == 2
    assert "--eval-only needs --model-dir, a folder of a training: RPO" in capsys.readouterr().err
    assert results(tmp_path / "run") == before


def test_an_evaluation_is_not_exported_but_what_it_evaluated(train, tmp_path, capsys):
    run, test = str(tmp_path / "run"), str(tmp_path / "test")
    assert train() == 0
    assert train("--eval-only", "--model-dir", run, "--output-dir", test) == 0
    capsys.readouterr()
    assert main(["export", test, "-o", str(tmp_path / "saved")]) == 2
    assert f"what it evaluated is in {run}: rpo export {run}\n" in capsys.readouterr().err
    assert main(["export", run, "-o", str(tmp_path / "saved"), "--load-epoch", "7"]) == 2
    assert "there is no model.pth.tar-7 in " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trainer", "RPO"], "no dataset is named: add one, as in --dataset-config-file"),
        (["--dataset-config-file", "eurosat"], "no trainer is named: add one, as in --trainer"),
    ],
)
def test_what_is_not_named(capsys, arguments, said):
    assert main(["train", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_seed_zero_is_a_seed(train, tmp_path, capsys):
    assert train("--seed", "0") == 0
    assert "Setting fixed seed: 0" in capsys.readouterr().out
    assert results(tmp_path / "run")["seed"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"dataset": "eurosatt"}, 'no dataset config "eurosatt". Did you mean "eurosat"?'),
        ({"config": TINY.replace("tiny_K24", "tiny_K25")}, 'Did you mean "tiny_K24"?'),
        ({"config": "RP0/tiny_K24"}, 'no folder of trainer configs "RP0". Did you mean "RPO"?'),
        (
            {"options": ("TRAINER.RPO.KK", "4")},
            'no key "TRAINER.RPO.KK". Did you mean "TRAINER.RPO.K"',
        ),
        ({"options": ("TRAINER.RPO.K",)}, "'TRAINER.RPO.K' has no value"),
        ({"options": ("OPTIM.LR=0.1",)}, "pairs KEY VALUE: OPTIM.LR 0.1, not OPTIM.LR=0.1"),
        ({"options": ("MODEL.BACKBONE.NAME", "ViT-B16")}, 'Did you mean "ViT-B/16"?'),
        (
            {"options": ("DATASET.NAME", "Imagenet")},
            'no dataset "Imagenet". Did you mean "ImageNet"?',
        ),
        ({"options": ("TRAINER.NAME", "RP0")}, 'no trainer "RP0". Did you mean "RPO"?'),
        ({"options": ("TRAINER.RPO.K", "four")}, "K is 'four'; it must be a whole number"),
        ({"options": ("DATASET.NAME", "Caltech101")}, "Caltech101 needs"),
        ({"options": ("DATALOADER.K_TRANSFORMS", "2")}, "K_TRANSFORMS is 2; RPO trains on one"),
        ({"options": ("INPUT.SIZE", "(64, 64)")}, "INPUT.SIZE is (64, 64), and the backbone tiny"),
        ({"options": ("OPTIM.SGD_NESTEROV", "True", "OPTIM.MOMENTUM", "0")}, "OPTIM, for sgd: "),
        ({"options": ("RESUME", ".")}, "RESUME is ., which has no checkpoint of prompt_learner"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing_behind(train, tmp_path, capsys, arguments, said):
    assert train(**arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_fault_of_the_program_can_be_seen(train, monkeypatch):
    monkeypatch.setenv("RPO_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        train(dataset="eurosatt")


@pytest.mark.parametrize(
    "path",
    [*sorted(CONFIGS.glob("datasets/*.yaml")), *sorted(CONFIGS.glob("trainers/*/*.yaml"))],
    ids=lambda path: path.stem,
)
def test_every_config_loads_and_is_where_it_belongs(path):
    cfg = default_config()
    merge_file(cfg, str(path), "config")
    if path.parent.name == "datasets":
        assert DATASET_REGISTRY.get(cfg.DATASET.NAME).config_name() == path.stem
        assert "{}" in DATASET_REGISTRY.get(cfg.DATASET.NAME).template
    else:
        assert path.parent.name in TRAINER_REGISTRY.registered_names()
    assert path.read_text().startswith("# ")


def contents(folder):
    """Of all files but the log, which the first run of this process still writes to."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    paths = (path for path in paths if path.name not in (".lock", "log.txt"))
    return {path.relative_to(folder): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    "options",
    [
        ("DATASET.NAME", "Caltech101"),
        ("TRAINER.RPO.K", "0"),
        ("MODEL.BACKBONE.NAME", "ViT-B16"),
        ("DATALOADER.TRAIN_X.BATCH_SIZE", "0"),
    ],
    ids=lambda options: options[0],
)
def test_overwriting_loses_nothing_when_the_new_run_cannot_start(train, tmp_path, options):
    train()
    before = contents(tmp_path / "run")
    assert train("--overwrite", options=(*QUICK, *options)) == 2
    assert contents(tmp_path / "run") == before


def test_overwriting_without_training_deletes_nothing(train, tmp_path):
    train()
    before = contents(tmp_path / "run")
    assert train("--overwrite", "--no-train") == 0
    assert contents(tmp_path / "run") == before


def test_overwriting_what_learns_nothing_keeps_the_new_result(train, tmp_path):
    zero_shot = ("--trainer", "ZeroshotCLIP", "--config-file", "ZeroshotCLIP/tiny")
    template = ("DATASET.TEMPLATE", "a drawing of a {}.")
    train(*zero_shot)
    assert train(*zero_shot, "--overwrite", options=(*QUICK, *template)) == 0
    assert results(tmp_path / "run")["config"]["DATASET"]["TEMPLATE"] == template[1]
    assert not (tmp_path / "run" / ".previous").exists()


def test_a_folder_may_be_called_like_a_number(train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train("--output-dir", "2024") == 0
    assert (tmp_path / "2024" / "results.json").is_file()


def test_a_folder_that_somebody_is_writing_is_left_to_them(train, tmp_path, capsys):
    with locked(RunFolder(tmp_path / "run")):
        assert train() == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'run'} is being written by process {os.getpid()} on " in said
    assert not (tmp_path / "run" / "run.json").exists()


def test_missing_data_is_said_before_anything_long(train, tmp_path, capsys):
    assert train(options=("DATASET.NAME", "Caltech101", *QUICK)) == 2
    printed = capsys.readouterr()
    assert "Caltech101 needs" in printed.err and "System info" not in printed.out
