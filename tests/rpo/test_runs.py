"""The owner of a run's folder: state, lock, overwriting, clearing."""

import json
import multiprocessing
import os
import signal
import socket
import time
import zipfile
from pathlib import Path

import pytest

from rpo.configurations import PASSIVE_KEYS, acting, differences
from rpo.files import write_json
from rpo.runs import (
    FINISHED,
    INTERRUPTED,
    NEW,
    ConfigMismatchError,
    RunFolder,
    RunInUseError,
    clear,
    locked,
    set_aside,
    settle,
)

CONFIG = {
    "OPTIM": {"LR": 0.01, "MAX_EPOCH": 2},
    "INPUT": {"SIZE": (32, 32)},
    "TRAINER": {"NAME": "RPO", "RPO": {"K": 4}, "COOP": {"N_CTX": 16}},
    "OUTPUT_DIR": "here",
}


def make_run(path, epoch=2, pointer=True, content="learnt"):
    """A finished run with a checkpoint."""
    folder = RunFolder(path)
    model = folder.path / "prompt_learner"
    model.mkdir(parents=True)
    with zipfile.ZipFile(model / f"model.pth.tar-{epoch}", "w") as checkpoint:  # as of torch.save
        checkpoint.writestr("data", content)
    (model / "checkpoint").write_text(f"model.pth.tar-{epoch}\n" if pointer else "")
    (folder.path / "log.txt").write_text("log")
    folder.write_history([{"epoch": 1}])
    folder.record(CONFIG, True, seconds={"train": 1.5})
    folder.write_results({"metrics": {}})
    return folder


def contents(folder):
    """Every file but the lock and its content."""
    paths = (path for path in folder.path.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in paths}


def test_life_of_a_run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert folder.state(CONFIG) == NEW and folder.history() == [] and folder.so_far("seconds") == {}
    folder.record(CONFIG, False)
    assert folder.state(CONFIG) == INTERRUPTED
    folder = make_run(tmp_path / "other")
    assert folder.state(CONFIG) == FINISHED and folder.so_far("seconds") == {"train": 1.5}


def test_a_finished_run_without_what_it_learnt_is_not_finished(tmp_path):
    folder = make_run(tmp_path / "gone")
    (folder.path / "prompt_learner/model.pth.tar-2").unlink()
    assert folder.state(CONFIG) == INTERRUPTED
    folder = make_run(tmp_path)
    (tmp_path / "prompt_learner/model.pth.tar-2").rename(tmp_path / "prompt_learner/model-x")
    (tmp_path / "prompt_learner/model-best.pth.tar").write_text("")
    assert folder.state(CONFIG) == INTERRUPTED


def test_a_finished_run_whose_checkpoint_was_cut_off_is_not_finished(tmp_path):
    folder = make_run(tmp_path / "cut")
    checkpoint = folder.path / "prompt_learner/model.pth.tar-2"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-30])
    assert folder.state(CONFIG) == INTERRUPTED


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff", b"[" * 5000])
def test_a_finished_run_without_what_it_measured_is_not_finished(tmp_path, content):
    folder = make_run(tmp_path / "run")
    (folder.path / "results.json").unlink()
    if content is not None:
        (folder.path / "results.json").write_bytes(content)
    assert folder.state(CONFIG) == INTERRUPTED
    folder.record({**CONFIG, "TEST": {"NO_TEST": True}}, True)
    assert folder.is_finished()  # nothing was to be measured


def test_predictions_that_are_gone_or_cut_off_are_made_again(tmp_path):
    folder = make_run(tmp_path)
    told = {"metrics": {}, "sha256": {"predictions": "a" * 64}}
    folder.write_results(told, (tmp_path / "prompt_learner/model.pth.tar-2").read_bytes())
    assert folder.state(CONFIG) == FINISHED
    (tmp_path / "predictions.npz").write_bytes(b"PK")
    assert folder.state(CONFIG) == INTERRUPTED
    (tmp_path / "predictions.npz").unlink()
    assert folder.state(CONFIG) == INTERRUPTED


@pytest.mark.parametrize("pointer", ["", "\n", "model.pth.tar-9\n", "../run.json\n", "\x00\xff"])
def test_a_damaged_pointer_leads_to_the_last_epoch(tmp_path, pointer):
    folder = make_run(tmp_path)
    (tmp_path / "prompt_learner/model.pth.tar-1").write_text("earlier")
    (tmp_path / "prompt_learner/checkpoint").write_text(pointer)
    (model,) = folder.models()
    newest = folder.newest_checkpoint(model)
    assert newest.name == "model.pth.tar-2" and folder.state(CONFIG) == FINISHED


@pytest.mark.parametrize("content", ["null", "[]", "", "{", '{"config": 3}', "\udcff"])
def test_a_damaged_run_json_is_named(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"run\.json is damaged.* Remove it, and "):
        RunFolder(tmp_path).state(CONFIG)


def changed(key, value):
    config = json.loads(json.dumps(CONFIG))
    *path, last = key.split(".")
    node = config
    for part in path:
        node = node.setdefault(part, {})
    node[last] = value
    return config


def test_only_keys_that_act_count():
    """Not where and how it runs, not the settings of other methods, old or new."""
    for key in PASSIVE_KEYS:
        assert differences(CONFIG, changed(key, "other")) == []
    assert differences(CONFIG, changed("TRAINER.COOP.N_CTX", 4)) == []
    assert differences(CONFIG, changed("TRAINER.BRANDNEW.KEY", 4)) == []
    assert differences(changed("TRAINER.GONE.KEY", 4), CONFIG) == []
    for key, there in (("TRAINER.RPO.K", 4), ("OPTIM.LR", 0.01), ("INPUT.SIZE", [32, 32])):
        assert differences(CONFIG, changed(key, 7)) == [f"  {key}: {there!r} there, 7 now"]
    assert differences(CONFIG, changed("TRAINER.NAME", "CoOp"), "COOP") != []


def test_workers_that_draw_the_augmentation_themselves_count():
    def config(streams, workers):
        loader = {"STREAMS": streams, "NUM_WORKERS": workers}
        return json.loads(json.dumps(CONFIG)) | {"DATALOADER": loader}

    assert differences(config(0, 0), config(0, 2)) == ["  DATALOADER.NUM_WORKERS: 0 there, 2 now"]
    assert differences(config(0, 0), config(0, 2), of_training=False) == []
    assert differences(config(8, 0), config(8, 2)) == []
    by_version_0_1 = json.loads(json.dumps(CONFIG)) | {"DATALOADER": {"NUM_WORKERS": 0}}
    asked = config(0, 0)
    asked["DATASET"] = asked.get("DATASET", {}) | {"TEMPLATE": ""}
    assert differences(by_version_0_1, asked, "", {"DATALOADER": {"NUM_WORKERS": 4}}) == []
    assert acting(config(0, 0)) == acting(config(0, 2))  # whose hash older results hold


def test_a_key_that_came_later_counts_as_its_default():
    later = changed("TRAINER.RPO.FORM", "cached")
    defaults = {"TRAINER": {"RPO": {"FORM": "cached"}}}
    assert differences(CONFIG, later, "RPO", defaults) == []
    masked = changed("TRAINER.RPO.FORM", "masked")
    expected = ["  TRAINER.RPO.FORM: 'cached' there, 'masked' now"]
    assert differences(CONFIG, masked, "RPO", defaults) == expected


def test_a_mismatch_names_both_values_and_the_way_out(tmp_path):
    folder = make_run(tmp_path)
    with pytest.raises(ConfigMismatchError, match="--overwrite.*\n.*LR: 0.01 there, 0.5 now"):
        folder.state(changed("OPTIM.LR", 0.5))


def test_clearing_removes_a_run_and_nothing_else(tmp_path):
    folder = make_run(tmp_path)
    kept = ["notes.txt", "log.txt.bak", "figures/results.json", "checkpoint"]
    kept += ["prompt_learner/notes.txt"]
    for name in kept:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "log.txt-2020-01-01-00-00-00").touch()
    (tmp_path / "tensorboard").mkdir()
    clear(folder)
    assert sorted(contents(folder)) == sorted(kept) and not (tmp_path / "tensorboard").exists()
    clear(RunFolder(tmp_path / "nowhere"))


def test_json_holds_numbers_alone(tmp_path):
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            write_json(tmp_path / "file.json", {"accuracy": number})
    assert list(tmp_path.iterdir()) == []


# Overwriting.


def test_a_new_run_that_fails_to_start_gives_the_old_one_back(tmp_path):
    folder = make_run(tmp_path)
    before = contents(folder)
    set_aside(folder)
    assert folder.state(CONFIG) == NEW
    (tmp_path / "log.txt").write_text("of the new run")
    folder.record(CONFIG, False)
    settle(folder)
    assert contents(folder) == before


def test_a_new_run_that_has_learnt_something_replaces_the_old_one(tmp_path):
    folder = make_run(tmp_path)
    set_aside(folder)
    make_new = tmp_path / "prompt_learner"
    make_new.mkdir(exist_ok=True)
    (make_new / "model.pth.tar-1").write_text("new")
    settle(folder)
    assert contents(folder) == {"prompt_learner/model.pth.tar-1": b"new"}


def test_a_new_run_that_has_only_validated_is_not_preferred(tmp_path):
    """As where it was killed between the validation of its first epoch and the checkpoint."""
    folder = make_run(tmp_path)
    before = contents(folder)
    set_aside(folder)
    folder.write_results({"metrics": {"val": {}}})
    settle(folder)
    assert contents(folder) == before
    set_aside(folder)
    folder.write_results({"metrics": {"test": {}}})
    settle(folder, ended=True)  # of a method that learns nothing
    assert list(contents(folder)) == ["results.json"]


@pytest.mark.parametrize("step", range(14))
def test_killed_anywhere_in_an_overwriting_the_old_run_is_whole_again(tmp_path, monkeypatch, step):
    """Killed at the n-th time that something is moved or removed; then somebody takes the lock."""
    folder = make_run(tmp_path)
    before = contents(folder)
    count = iter(range(100))

    class Killed(BaseException):
        pass

    def mortal(action):
        def act(*args, **options):
            if next(count) == step:
                raise Killed
            return action(*args, **options)

        return act

    with monkeypatch.context() as patch:
        for module, name in ((os, "rename"), (os, "replace"), (Path, "unlink")):
            patch.setattr(module, name, mortal(getattr(module, name)))
        try:
            set_aside(folder)
            (tmp_path / "log.txt").write_text("of the new run")
            settle(folder)
        except Killed:
            pass
    with locked(folder):
        assert {name: text for name, text in contents(folder).items() if "holder" not in name} == (
            before
        )


# The lock.


def hold(path, ready, seconds):
    with locked(RunFolder(path)):
        ready.set()
        time.sleep(seconds)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path`."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready, 60))
    process.start()
    assert ready.wait(60)
    yield process
    process.kill()
    process.join()


def test_a_second_writer_is_told_who_is_the_first(tmp_path, holder):
    who = rf"process {holder.pid} on {socket.gethostname()} since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
    with pytest.raises(RunInUseError, match=who), locked(RunFolder(tmp_path)):
        pass


def test_the_lock_of_a_dead_holder_is_free(tmp_path, holder):
    unfinished = ("run.json.123.part", ".results.json-x1", ".history.json-x2")
    for name in unfinished:
        (tmp_path / name).write_text("half")
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with locked(RunFolder(tmp_path)):
        assert not any((tmp_path / name).exists() for name in unfinished)
    assert not (tmp_path / ".holder.json").exists()
