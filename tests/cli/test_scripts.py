"""The scripts, run by bash as the README says."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ("OPTIM.MAX_EPOCH", "1", "DATALOADER.TEST.BATCH_SIZE", "500")
# Folder of the scripts to the method and its config for the digits.
METHODS = {
    "rpo": ("RPO", "tiny_K24"),
    "coop": ("CoOp", "tiny"),
    "cocoop": ("CoCoOp", "tiny"),
    "maple": ("MaPLe", "tiny"),
    "vpt": ("VPT", "tiny"),
    "ivlp": ("IVLP", "tiny"),
    "lp": ("LP", "tiny"),
    "logistic_probe": ("LogisticProbe", "tiny"),
}


@pytest.fixture
def bash(tmp_path, digits_root, rpo_on_path):
    """Runs a script from another folder, with its output in a temporary one."""

    def run(script, *arguments, **environment):
        variables = {
            **os.environ,
            "DATA": str(digits_root),
            "OUTPUT": str(tmp_path / "output"),
            "PATH": rpo_on_path,
        }
        command = ["bash", str(ROOT / "scripts" / script), *arguments]
        return subprocess.run(
            command, env={**variables, **environment}, cwd=tmp_path, capture_output=True, text=True
        )

    return run


@pytest.mark.parametrize(
    ("folder", "learner"),
    [
        ("rpo", "prompt_learner"),
        pytest.param("maple", "MultiModalPromptLearner", marks=pytest.mark.slow),
    ],
)
def test_base_to_new(bash, tmp_path, folder, learner):
    method, config = METHODS[folder]
    for script in ("base2new_train.sh", "base2new_test.sh"):
        done = bash(f"{folder}/{script}", "digits", "1", *QUICK, SHOTS="1")
        assert done.returncode == 0, done.stderr
    output = tmp_path / "output" / folder / "base2new"
    run = f"digits/shots_1/{method}/{config}/seed1"
    for part, classes in (("train_base", "base"), ("test_base", "base"), ("test_new", "new")):
        record = json.loads((output / part / run / "results.json").read_text())
        assert record["classes"] == classes and record["shots"] == 1
    assert (output / "train_base" / run / learner / "model.pth.tar-1").is_file()


@pytest.mark.parametrize("folder", METHODS)
def test_commands_of_every_method(bash, tmp_path, folder):
    """With a program in the place of rpo that only repeats its arguments."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "rpo").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bin" / "rpo").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    method, config = METHODS[folder]
    train = bash(f"{folder}/base2new_train.sh", "digits", "3", "OPTIM.LR", "1", PATH=path).stdout
    run = f"digits/shots_16/{method}/{config}/seed3"
    assert f"--output-dir {tmp_path}/output/{folder}/base2new/train_base/{run} " in train
    assert f"--trainer {method} " in train and train.endswith("_CLASSES base OPTIM.LR 1\n")
    tests = bash(f"{folder}/base2new_test.sh", "digits", "3", PATH=path).stdout.splitlines()
    assert [line.split()[-1] for line in tests] == ["base", "new"]
    assert all(f"--eval-only --model-dir {tmp_path}/output/{folder}" in line for line in tests)


def test_relative_folders_belong_to_where_the_script_is_called(bash, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "rpo").write_text('#!/bin/sh\necho "$DATA $@"\n')
    (tmp_path / "bin" / "rpo").chmod(0o755)
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "DATA": "my data"}
    said = bash("rpo/base2new_train.sh", "digits", "1", OUTPUT="my runs", **environment).stdout
    assert said.startswith(f"{tmp_path}/my data train ")
    assert f"--output-dir {tmp_path}/my runs/rpo/base2new" in said


def test_every_method_has_scripts():
    bodies = {path.parent.name for path in (ROOT / "scripts").glob("*/base2new_t*.sh")}
    assert bodies == METHODS.keys()
    for path in (ROOT / "scripts").glob("*/*.sh"):
        assert len(path.read_text().splitlines()) == 4


def test_zero_shot(bash, tmp_path):
    done = bash("zsclip2/zeroshot.sh", "digits")
    assert done.returncode == 0, done.stderr
    folders = sorted((tmp_path / "output" / "zsclip2").iterdir())
    assert [folder.name for folder in folders] == ["test_all", "test_base", "test_new"]


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {}, "usage: bash scripts/rpo/base2new_train.sh DATASET SEED"),
        (["digits"], {}, "usage: "),
        (["imagenet", "1"], {}, "ImageNet needs"),
        (["digit", "1"], {}, 'Did you mean "digits"?'),
        (["digits", "1"], {"CFG": "tiny_k24"}, 'Did you mean "tiny_K24"?'),
    ],
)
def test_what_is_wrong_is_said(bash, arguments, environment, said):
    done = bash("rpo/base2new_train.sh", *arguments, **environment)
    assert done.returncode != 0 and said in done.stderr


def test_a_folder_of_images(bash, tmp_path, draw_image):
    for seed, name in enumerate(("cat", "dog", "fox")):
        for index in range(6):
            draw_image(tmp_path / "my images" / name / f"{index}.png", seed=seed)
    for script in ("rpo/base2new_train.sh", "rpo/base2new_test.sh"):
        done = bash(script, "my images", "1", *QUICK, SHOTS="1", CFG="tiny_K24")
        assert done.returncode == 0, done.stderr
    test = tmp_path / "output" / "rpo" / "base2new" / "test_new" / "my images"
    record = json.loads((test / "shots_1/RPO/tiny_K24/seed1/results.json").read_text())
    assert record["class_names"] == ["fox"] and record["dataset"] == "my images"
