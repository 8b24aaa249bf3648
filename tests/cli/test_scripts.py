"""The scripts, run by bash as the README says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUICK = ("OPTIM.MAX_EPOCH", "1", "TRAINER.RPO.K", "2")


@pytest.fixture
def bash(tmp_path):
    """Runs a script from another folder, with data and output in a temporary one."""

    def run(script, *arguments, **environment):
        variables = {
            **os.environ,
            "DATA": str(tmp_path / "data"),
            "OUTPUT": str(tmp_path / "output"),
        }
        variables["PATH"] = f"{Path(sys.executable).parent}:{variables['PATH']}"
        command = ["bash", str(ROOT / "scripts" / script), *arguments]
        return subprocess.run(
            command, env={**variables, **environment}, cwd=tmp_path, capture_output=True, text=True
        )

    return run


def test_base_to_new(bash, tmp_path):
    for script in ("rpo/base2new_train.sh", "rpo/base2new_test.sh"):
        done = bash(script, "digits", "1", *QUICK, SHOTS="1")
        assert done.returncode == 0, done.stderr
    output = tmp_path / "output" / "rpo" / "base2new"
    run = "digits/shots_1/RPO/tiny_K24/seed1"
    for part, classes in (("train_base", "base"), ("test_base", "base"), ("test_new", "new")):
        record = json.loads((output / part / run / "results.json").read_text())
        assert record["classes"] == classes and record["shots"] == 1
    assert (output / "train_base" / run / "prompt_learner" / "model.pth.tar-1").is_file()


def test_zero_shot(bash, tmp_path):
    done = bash("zsclip/zeroshot.sh", "digits")
    assert done.returncode == 0, done.stderr
    folders = sorted((tmp_path / "output" / "zsclip").iterdir())
    assert [folder.name for folder in folders] == ["test_all", "test_base", "test_new"]


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {}, "usage: bash scripts/rpo/base2new_train.sh DATASET SEED"),
        (["digits"], {}, "usage: "),
        (["imagenet", "1"], {}, "ImageNet needs"),
        (["digit", "1"], {}, 'Did you mean "digits"?'),
        (["digits", "1"], {"CFG": "tiny"}, 'Did you mean "tiny_K24"?'),
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
