"""Malformed values and damaged files: each ends in one sentence and status 2, or in a right result.

Generated: every numeric key with values that no number should have, and every file of a finished
run cut, emptied, and replaced by other content.
"""

import json
import random
import shutil
from pathlib import Path

import pytest
import torch

from rpo.cli import main
from rpo.runs import flat
from rpo.trainers.config import default_config

CONFIGS = Path(__file__).parents[2] / "configs"
VALUES = ("nan", "inf", "-1", "0", "1e30", "text", "[1]")
# Keys of datasets, samplers and heads that no method of ours reads.
UNREAD = ("HEAD.", "TRAIN_U.", "CIFAR", "STL10", "LABELED", "VAL_PERCENT", "N_DOMAIN", "N_INS")
# What would run for hours, or use up the memory, and be right to.
LEGITIMATE = {("OPTIM.MAX_EPOCH", "1e30"), ("INPUT.SIZE", "1e30")}


def numeric_keys():
    """Every key that holds a number or numbers, and that a run of RPO reads."""
    found = []
    for key, value in flat(default_config()).items():
        parts = value if isinstance(value, list) else [value]
        is_number = parts and all(type(part) in (int, float) for part in parts)
        other = key.startswith("TRAINER.") and not key.startswith("TRAINER.RPO.")
        if is_number and not other and not any(word in key for word in UNREAD):
            found.append(key)
    return found


@pytest.fixture
def quick(miniature, clip_file, tmp_path, monkeypatch):
    """The arguments of a run that takes a moment."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    arguments = ["--root", str(miniature("EuroSAT")), "--trainer", "RPO", "--seed", "1"]
    arguments += ["--dataset-config-file", "eurosat", "--config-file", "RPO/tiny_K24"]
    options = ["MODEL.BACKBONE.NAME", str(clip_file), "OPTIM.MAX_EPOCH", "1"]
    options += ["DATASET.NUM_SHOTS", "1", "TRAINER.RPO.K", "2", "OPTIM.WARMUP_EPOCH", "-1"]
    return arguments, options


def accept(status, printed, folder):
    """One sentence and status 2, or a result in which every number is one."""
    if status == 0:
        record = json.loads((folder / "results.json").read_text())
        accuracy = record["metrics"]["test"]["accuracy"]
        assert 0 <= accuracy <= 100
        for path in folder.glob("*/model.pth.tar-*"):
            state = torch.load(path, weights_only=True)["state_dict"]
            assert all(tensor.isfinite().all() for tensor in state.values())
    else:
        assert status == 2, printed.err[-2000:]
        assert printed.err.count("\n(RPO_DEBUG=1 shows where)") == 1
        assert "Traceback" not in printed.err


@pytest.mark.parametrize("key", numeric_keys())
def test_a_numeric_key(quick, key, tmp_path, capsys):
    arguments, options = quick
    for number, value in enumerate(VALUES):
        if (key, value) in LEGITIMATE:
            continue
        folder = tmp_path / f"run{number}"
        status = main(["train", *arguments, "--output-dir", str(folder), *options, key, value])
        accept(status, capsys.readouterr(), folder)


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "null": lambda content: b"null",
    "list": lambda content: b"[1, 2]",
    "other keys": lambda content: b'{"config": 1, "metrics": 2, "epoch": "x"}',
    "NaN": lambda content: b'{"metrics": {"test": {"accuracy": NaN}}}',
    "random": lambda content: random.Random(0).randbytes(len(content) or 9),
}
FILES = ("run.json", "results.json", "history.json", "log.txt", "prompt_learner/checkpoint")
FILES += ("prompt_learner/model.pth.tar-1",)


def commands(folder, arguments, options):
    """Everything that reads a run's folder."""
    run = str(folder)
    train = ["train", *arguments, "--output-dir", run, *options]
    test = ["train", *arguments, "--eval-only", "--model-dir", run]
    return {
        "again": train,
        "evaluate": [*test, "--output-dir", f"{run}-test", *options],
        "overwrite": [*train[: -len(options)], "--overwrite", *options],
        "eval": ["eval", run, "--classes", "all"],
        "look": ["look", run, "--count", "1"],
        "report": ["report", run, "--table", "seeds"],
        "compare": ["compare", run],
    }


@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file(quick, file, tmp_path, capsys):
    arguments, options = quick
    whole = tmp_path / "whole"
    assert main(["train", *arguments, "--output-dir", str(whole), *options]) == 0
    assert {name for name in FILES if (whole / name).is_file()} == set(FILES)
    content = (whole / file).read_bytes()
    for number, make in enumerate(DAMAGES.values()):
        for name in commands(whole, arguments, options):
            folder = tmp_path / f"{number}-{name}"
            shutil.copytree(whole, folder)
            (folder / file).write_bytes(make(content))
            capsys.readouterr()
            status = main(commands(folder, arguments, options)[name])
            printed = capsys.readouterr()
            results = {"overwrite": folder, "evaluate": Path(f"{folder}-test")}
            if status == 0 and name not in results:
                assert "nan" not in printed.out.lower()
            else:
                accept(status, printed, results.get(name))
