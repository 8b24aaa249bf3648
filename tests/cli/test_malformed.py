"""Malformed values and damaged files: each ends in one sentence and status 2, or in a right result.

Generated: every key with values that it cannot have, and every file of a run cut, emptied, and
replaced by other content. The sentence names the key or the file.
"""

import io
import itertools
import json
import random
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from rpo.cli import main
from rpo.clip.load import keep_clip
from rpo.configurations import flat
from rpo.trainers.config import default_config

VALUES = ("nan", "-inf", "-1", "0", "1e30", "text", "[1]", "None")
OTHER_TYPES = (None, 3, "text", [1], [], {"KEY": 1}, True)
# Keys of datasets, samplers and heads that no method of ours reads.
UNREAD = (
    "VERSION",
    "HEAD.",
    "TRAIN_U.",
    "CIFAR",
    "STL10",
    "LABELED",
    "VAL_PERCENT",
    "N_DOMAIN",
    "N_INS",
)


def keys(numeric):
    """Every key that a run of RPO reads, whose value is numeric (or a list of numbers), or not."""
    for key, value in flat(default_config()).items():
        parts = value if isinstance(value, list) else [value]
        is_number = bool(parts) and all(type(part) in (int, float) for part in parts)
        other = key.startswith("TRAINER.") and not key.startswith("TRAINER.RPO.")
        if is_number == numeric and not other and not any(word in key for word in UNREAD):
            yield key


@pytest.fixture
def quick(miniature, clip_file, monkeypatch):
    """The arguments of a run that takes a moment, and its options."""
    monkeypatch.setenv("TQDM_DISABLE", "1")
    arguments = ["--root", str(miniature("EuroSAT", images=3)), "--trainer", "RPO", "--seed", "1"]
    arguments += ["--dataset-config-file", "eurosat", "--config-file", "RPO/tiny_K24"]
    options = ["MODEL.BACKBONE.NAME", str(clip_file), "OPTIM.MAX_EPOCH", "1"]
    options += ["DATASET.NUM_SHOTS", "1", "TRAINER.RPO.K", "2", "OPTIM.WARMUP_EPOCH", "-1"]
    with keep_clip():
        yield arguments, options


@pytest.fixture
def outcome(capsys):
    """Runs a command; accepts one sentence with one of the names, or a result of numbers."""

    def run(command, *names, folder=None):
        capsys.readouterr()
        status, printed = main(command), capsys.readouterr()
        if status != 0:
            assert status == 2, printed.err[-2000:]
            assert printed.err.count("\n(RPO_DEBUG=1 shows where)") == 1
            assert any(name in printed.err for name in names), printed.err
            assert "Traceback" not in printed.err
        elif folder:
            check_results(folder)
        else:
            assert "nan" not in printed.out.lower()

    return run


def check_results(folder):
    record = json.loads((folder / "results.json").read_text())
    assert 0 <= record["metrics"]["test"]["accuracy"] <= 100
    for path in folder.glob("*/model.pth.tar-*"):
        state = torch.load(path, weights_only=True)["state_dict"]
        assert all(tensor.isfinite().all() for tensor in state.values())


@pytest.mark.parametrize("key", list(keys(numeric=True)))
def test_a_numeric_key(quick, outcome, key, tmp_path):
    arguments, options = quick
    # What would run for hours, or use up the memory, and be right to.
    too_much = {("OPTIM.MAX_EPOCH", "1e30"), ("INPUT.SIZE", "1e30")}
    for number, value in enumerate(VALUES):
        if (key, value) not in too_much:
            folder = tmp_path / f"run{number}"
            command = ["train", *arguments, "--output-dir", str(folder), *options, key, value]
            # A method that checks values together calls them as in Python.
            setting = f": {key.rpartition('.')[2].lower()} is "
            outcome(command, key, setting, "lower OPTIM.LR", folder=folder)


def test_other_keys_in_a_file(quick, outcome, tmp_path, capsys):
    """Text, truth values and lists; what is of the right type is somebody else's business."""
    arguments, options = quick
    defaults, file = flat(default_config()), tmp_path / "mine.yaml"
    for key in keys(numeric=False):
        for value in OTHER_TYPES:
            if type(value) is not type(defaults[key]):
                content = value
                for part in reversed(key.split(".")):
                    content = {part: content}
                file.write_text(yaml.safe_dump(content))
                outcome(["train", *arguments, "--config-file", str(file)], key)


FILES_OF_KEYS = {
    "empty": "",
    "list": "- 1",
    "number": "3",
    "cut": "OPTIM: {LR: [1",
    "group": "OPTIM:",
    "group and value": "OPTIM: 3",
    "below a value": "OPTIM: {LR: {A: 1}}",
    "number as key": "1: 2",
    "date": "OPTIM: {LR: 2020-01-01}",
    "tag": "OPTIM: !!python/object:os.system {}",
    "own base": "_BASE_: mine.yaml",
    "no base": "_BASE_: [1]",
    "base that is not there": "_BASE_: ../nothing.yaml",
    "deep": "[" * 5000,
    "random": random.Random(0).randbytes(99).decode("latin1"),
    "Latin 1": b"OPTIM: {LR: 1} # \xe9",
    "zeros": b"\0\0",
}


@pytest.mark.parametrize("content", list(FILES_OF_KEYS.values()), ids=FILES_OF_KEYS)
@pytest.mark.parametrize("option", ["--config-file", "--dataset-config-file"])
def test_a_yaml_file(quick, outcome, option, content, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome(["train", *quick[0], option, str(file), "--output-dir", str(tmp_path / "run")], "mine")
    assert not (tmp_path / "run" / "run.json").exists()


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "null": lambda content: b"null",
    "list": lambda content: b"[1, 2]",
    "other keys": lambda content: b'{"config": 1, "metrics": 2, "epoch": "x"}',
    "NaN": lambda content: b'{"metrics": {"test": {"accuracy": NaN}}}',
    "no keys": lambda content: b'{"config": {}, "metrics": {}, "finished": 3}',
    "other types": lambda content: content.replace(b"0.05", b'"x"').replace(b"train", b"1"),
    "nested": lambda content: b"[" * 5000,
    "random": lambda content: random.Random(0).randbytes(len(content) or 9),
}
JSON_FILES = ("run.json", "results.json", "history.json")
POINTER, CHECKPOINT = "prompt_learner/checkpoint", "prompt_learner/model.pth.tar-1"
# What reads which files; what does not read a file cannot be harmed by it.
READ_BY = {
    "again": (*JSON_FILES, POINTER, CHECKPOINT),
    "overwrite": ("run.json", POINTER),
    "evaluate": ("run.json", CHECKPOINT),
    "eval": ("run.json", CHECKPOINT),
    "look": ("run.json", CHECKPOINT),
    "export": ("run.json", "results.json", CHECKPOINT),
    "report": ("results.json", "log.txt"),
    "compare": ("results.json",),
}


@pytest.fixture
def interrupted(quick, tmp_path):
    """A run that was stopped after the first of two epochs, with results of an evaluation."""
    arguments, options = quick
    folder = tmp_path / "whole"
    two = [*options, "OPTIM.MAX_EPOCH", "2", "TRAIN.CHECKPOINT_FREQ", "1"]
    two += ["DATASET.SUBSAMPLE_CLASSES", "base"]
    assert main(["train", *arguments, "--output-dir", str(folder), *two]) == 0
    (folder / "prompt_learner/model.pth.tar-2").unlink()
    (folder / POINTER).write_text("model.pth.tar-1\n")
    record = folder / "run.json"
    record.write_text(record.read_text().replace('"finished": true', '"finished": false'))
    return folder, arguments, two


def commands(folder, arguments, options):
    """Everything that reads a run's folder."""
    run, train = str(folder), ["train", *arguments, "--output-dir"]
    return {
        "again": [*train, run, *options],
        "overwrite": [*train, run, "--overwrite", *options],
        "evaluate": [*train, f"{run}-test", "--eval-only", "--model-dir", run, *options],
        "eval": ["eval", run, "--classes", "base"],
        "look": ["look", run, "--count", "1"],
        "export": ["export", run, "-o", f"{run}-saved", "--load-epoch", "1"],
        "report": ["report", run],
        "compare": ["compare", run],
    }


def damaged(interrupted, number, name, file, content):
    """A command on a copy of the run whose file has other content; the folder of its results."""
    whole, arguments, options = interrupted
    folder = whole.with_name(f"{number}-{name}")
    shutil.copytree(whole, folder)
    (folder / file).write_bytes(content)
    results = {"again": folder, "overwrite": folder, "evaluate": Path(f"{folder}-test")}
    return commands(folder, arguments, options)[name], results.get(name)


@pytest.mark.parametrize("file", [*JSON_FILES, "log.txt", POINTER, CHECKPOINT])
def test_a_damaged_file(interrupted, outcome, file):
    content = (interrupted[0] / file).read_bytes()
    for number, make in enumerate(DAMAGES.values()):
        for name in (name for name, files in READ_BY.items() if file in files):
            command, results = damaged(interrupted, number, name, file, make(content))
            outcome(command, Path(file).name, "another configuration", folder=results)


@pytest.mark.parametrize("name", ["again", "evaluate", "eval"])
def test_a_damaged_entry_of_a_checkpoint(interrupted, outcome, name):
    whole = torch.load(interrupted[0] / CHECKPOINT, weights_only=True)
    read = whole if name == "again" else ("epoch", "state_dict")
    junk = (None, -3, "x", [1], {"text_prompt": 3})
    for number, (entry, value) in enumerate(itertools.product(read, junk)):
        content = io.BytesIO()
        torch.save({**whole, entry: value}, content)
        command, results = damaged(interrupted, number, name, CHECKPOINT, content.getvalue())
        outcome(command, "model.pth.tar-1", folder=results)
