"""The run folder knows whose it is and how far it got."""

import json
import re

import pytest

from dassl.engine import ConfigMismatchError, clear_run, run_state
from dassl.engine.run_folder import IGNORED_KEYS

OTHER_VALUES = {str: "other", int: 77, bool: None, float: 0.123, tuple: ("random_flip",)}


def flat_keys(node, prefix=""):
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat_keys(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def value_of(cfg, key):
    for part in key.split("."):
        cfg = cfg[part]
    return cfg


def changed(cfg, key):
    """Return a copy of `cfg` with another value at `key`."""
    other = cfg.clone()
    old = value_of(cfg, key)
    new = not old if isinstance(old, bool) else OTHER_VALUES.get(type(old), [0.0])
    *path, last = key.split(".")
    node = other
    for part in path:
        node = node[part]
    node[last] = new
    return other


def test_life_of_a_run(cfg, seeded_trainer, tmp_path):
    assert run_state(cfg) == "new"
    trainer = seeded_trainer(cfg)
    seen = []
    after_epoch = trainer.after_epoch
    trainer.after_epoch = lambda: (seen.append(run_state(cfg)), after_epoch())
    trainer.train()
    assert seen == ["interrupted"] * 3
    assert run_state(cfg) == "finished"
    record = json.loads((tmp_path / "output" / "run.json").read_text())
    assert record["finished"] is True
    assert record["config"]["INPUT"]["SIZE"] == [8, 8]


def test_finished_run_is_left_as_it_is(cfg, seeded_trainer, tmp_path, capsys):
    seeded_trainer(cfg).train()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*")}
    again = seeded_trainer(cfg)
    capsys.readouterr()
    again.train()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "output").rglob("*")} == before
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert all(word in line for word in (cfg.OUTPUT_DIR, "finished", "3/3", "--overwrite"))


def test_every_key_of_the_experiment_is_compared_and_no_other(cfg, seeded_trainer):
    seeded_trainer(cfg).train()
    for key in set(flat_keys(cfg)) - {"OUTPUT_DIR"}:
        other = changed(cfg, key)
        if key in IGNORED_KEYS:
            assert run_state(other) == "finished"
        else:
            with pytest.raises(ConfigMismatchError, match=rf"  {re.escape(key)}: .* there, .* now"):
                run_state(other)


def test_only_keys_that_do_not_change_the_result_are_ignored(cfg):
    assert set(flat_keys(cfg)) > IGNORED_KEYS
    assert " ".join(sorted(IGNORED_KEYS)) == (
        "DATALOADER.NUM_WORKERS DATASET.ROOT OUTPUT_DIR RESUME "
        "TEST.COMPUTE_CMAT TEST.EVALUATOR TEST.PER_CLASS_RESULT TRAIN.CHECKPOINT_FREQ "
        "TRAIN.PRINT_FREQ USE_CUDA VERBOSE"
    )


def test_mismatch_names_both_values_and_the_way_out(cfg, seeded_trainer):
    seeded_trainer(cfg).train()
    cfg.OPTIM.LR = 0.5
    cfg.TRAINER.NEW = type(cfg)({"K": 4})
    del cfg.TEST["SPLIT"]
    with pytest.raises(ValueError) as caught:
        seeded_trainer(cfg).train()
    message = str(caught.value)
    assert "OPTIM.LR: 0.002 there, 0.5 now" in message
    assert "TRAINER.NEW.K: missing there, 4 now" in message
    assert "TEST.SPLIT: 'test' there, missing now" in message
    assert message.count(" there, ") == 3
    assert "another OUTPUT_DIR" in message
    assert "--overwrite" in message


def test_folder_of_the_original_is_interrupted(cfg, seeded_trainer, tmp_path):
    seeded_trainer(cfg).train()
    (tmp_path / "output" / "run.json").unlink()
    assert run_state(cfg) == "interrupted"


def test_clear_run_removes_a_run_and_nothing_else(cfg, seeded_trainer, tmp_path):
    output = tmp_path / "output"
    seeded_trainer(cfg).train()
    written = ["log.txt", "log.txt-2020-01-01-00-00-00", "cmat.pt"]
    written += ["run.json.123.part", "prompt_learner/model.pth.tar-4.123.part"]
    written += ["prompt_learner/checkpoint.123.part"]
    kept = ["notes.txt", "log.txt.bak", "figures/plot.png", "figures/run.json", "checkpoint"]
    kept += ["results.json"]  # of a program, which clears its own
    for name in [*written, *kept]:
        (output / name).parent.mkdir(exist_ok=True)
        (output / name).touch()
    clear_run(str(output))
    left = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    assert left == sorted(kept)
    assert not (output / "prompt_learner").exists()
    assert run_state(cfg) == "new"


def test_clear_run_keeps_strangers_in_a_model_folder(tmp_path):
    folder = tmp_path / "prompt_learner"
    folder.mkdir()
    for name in ("model.pth.tar-1", "checkpoint", "notes.txt"):
        (folder / name).touch()
    clear_run(str(tmp_path))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_clear_run_of_a_missing_folder(tmp_path):
    clear_run(str(tmp_path / "nowhere"))
