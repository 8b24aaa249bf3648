"""Processes: which GPU they see, what they do one after the other, and how they end."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from rpo import stopping
from rpo.experiments import devices
from rpo.experiments.devices import slots
from rpo.experiments.job import Job, Step
from rpo.experiments.pool import Child, Pool
from rpo.experiments.work import perform
from rpo.runs import LOG, RunFolder, failure_of, is_held


@pytest.fixture
def gpus(monkeypatch):
    """A function that pretends GPUs."""

    def pretend(*names):
        monkeypatch.setattr(devices, "visible", lambda: list(names))

    return pretend


@pytest.mark.parametrize(
    ("here", "arguments", "found"),
    [
        ("", ("auto", 1, None), [None]),
        ("", ("auto", 1, 3), [None] * 3),
        ("", ("auto", 2, None), [None] * 2),
        ("0", ("auto", 1, 2), [None] * 2),
        ("0123", ("auto", 1, None), ["0"]),
        ("0123", ("auto", 1, 3), ["0", "1", "2"]),
        ("0123", ("0-2", 2, None), ["0", "1", "2", "0", "1", "2"]),
        ("0123", ("3,1", 1, None), ["3", "1"]),
        ("0123", ("1", 1, 2), ["1", "1"]),
        ("57", ("0-1", 1, None), ["5", "7"]),  # of what CUDA_VISIBLE_DEVICES leaves
    ],
)
def test_each_process_gets_a_device(gpus, here, arguments, found):
    gpus(*here)
    assert slots(*arguments) == found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("0-4", 1, None), "--gpus is 0-4, and there are 4, 0-3"),
        (("first", 1, None), '--gpus is "first"; it can be auto, or numbers as 0-7 or 0,2,3'),
        (("auto", 0, None), "--per-gpu is 0; it must be at least 1"),
        (("auto", 1, 0), "--processes is 0; it must be at least 1"),
    ],
)
def test_gpus_that_are_not_there(gpus, arguments, said):
    gpus(*"0123")
    with pytest.raises(ValueError, match=said):
        slots(*arguments)


def test_no_gpu(gpus):
    gpus()
    with pytest.raises(ValueError, match="--gpus is 0, and no GPU is here"):
        slots("0", 1, None)


@pytest.fixture
def make_job(make_config, tmp_path):
    """A function to a job of one training on made-up images."""

    def make(name, *options, trainer="RPO"):
        cfg = make_config(trainer)
        arguments = ["--trainer", trainer, "--output-dir", str(tmp_path / name), "--seed", "1"]
        arguments += ["--root", cfg.DATASET.ROOT, "--backbone", cfg.MODEL.BACKBONE.NAME]
        arguments += ["--dataset-config-file", "eurosat", "--config-file", f"{trainer}/tiny_K24"]
        arguments += ["DATASET.NUM_SHOTS", "2", "DATALOADER.TRAIN_X.BATCH_SIZE", "2"]
        arguments += ["MODEL.BACKBONE.NAME", cfg.MODEL.BACKBONE.NAME, "TRAIN.CHECKPOINT_FREQ", "1"]
        step = Step("all", tmp_path / name, True, (*arguments, *options))
        return Job(trainer, name, tmp_path, (step,))

    return make


def learnt(job):
    (path,) = job.steps[0].folder.glob("*/model.pth.tar-*")
    return torch.load(path, weights_only=True)["state_dict"]


def test_several_jobs_in_one_process(make_job, monkeypatch):
    """They end as in processes of their own, also after one that fails."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    short = ("OPTIM.MAX_EPOCH", "2")
    apart = [make_job(f"apart-{seed}", *short, "SEED", str(seed)) for seed in (1, 2)]
    broken = make_job("broken", *short, "OPTIM.LR", "1e38")
    together = [make_job(f"together-{seed}", *short, "SEED", str(seed)) for seed in (1, 2)]
    assert not any(each.error for each in Pool([None]).outcomes(apart))
    ended = list(Pool([None], group=3).outcomes([together[0], broken, together[1]]))
    assert [bool(each.error) for each in ended] == [False, True, False]
    for one, other in zip(apart, together, strict=True):
        assert all(torch.equal(value, learnt(other)[key]) for key, value in learnt(one).items())
    assert failure_of(RunFolder(broken.steps[0].folder))["count"] == 1
    assert not failure_of(RunFolder(together[0].steps[0].folder))


def test_runs_on_the_same_batches_share_a_process(make_job, monkeypatch):
    """Those of a sweep, not one of another seed or number of prompts; they end as apart."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    short = ("OPTIM.MAX_EPOCH", "2")
    swept = [(), ("OPTIM.LR", "0.1"), ("TRAINER.RPO.INIT", "random"), ("OPTIM.LR", "1e38")]
    others = [("SEED", "2"), ("TRAINER.RPO.K", "2")]
    options = [*swept, *others]
    apart = [make_job(f"apart{i}", *short, *each) for i, each in enumerate(options)]
    joined = [make_job(f"joined{i}", *short, *each) for i, each in enumerate(options)]
    processes, start = [], Child.__init__

    def counted(child, context, jobs, *rest):
        processes.append(len(jobs))
        start(child, context, jobs, *rest)

    monkeypatch.setattr(Child, "__init__", counted)
    for jobs, together in ((apart, 1), (joined, 8)):
        ended = list(Pool([None], together=together).outcomes(jobs))
        assert [each.job for each in ended if each.error] == [jobs[3]]
    assert processes == [1] * 6 + [4, 1, 1]
    for index in (0, 1, 2, 4, 5):
        expected, got = learnt(apart[index]), learnt(joined[index])
        assert all(torch.equal(value, got[key]) for key, value in expected.items())


LIFE = """
import multiprocessing, pathlib, sys, types
from rpo.experiments import worker

def work(jobs, overwrite):
    yield multiprocessing.get_start_method()

multiprocessing.set_start_method("forkserver")
sys.modules[worker.WORK] = types.SimpleNamespace(work=work)
worker.live(types.SimpleNamespace(send=pathlib.Path("said").write_text), [], False, None, [])
"""


def test_its_loaders_start_as_those_of_rpo_train(tmp_path):
    """From a server of their own they would import PyTorch anew, in every epoch."""
    subprocess.run([sys.executable, "-c", LIFE], cwd=tmp_path, check=True)
    assert (tmp_path / "said").read_text() == multiprocessing.get_all_start_methods()[0]


def test_what_dies_of_memory_is_tried_once_more_alone(make_job, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    huge = make_job("huge", "TRAINER.RPO.K", str(10**12))
    small = make_job("small", "OPTIM.MAX_EPOCH", "2")
    ended = list(Pool([None, None]).outcomes([huge, small]))
    assert [each.job.label for each in ended] == ["small", "huge"]
    assert "memory" in ended[1].error
    assert failure_of(RunFolder(huge.steps[0].folder))["count"] == 2


def test_a_pool_that_is_stopped_saves_the_epoch(make_job, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    job, waiting = make_job("long", "OPTIM.MAX_EPOCH", "5000"), make_job("waiting")
    pool = Pool([None], signals=(signal.SIGTERM,))
    folder = RunFolder(job.steps[0].folder)

    def stop():
        while len(folder.history()) < 2:
            time.sleep(0.01)
        pool.stop(signal.SIGTERM)

    thread = threading.Thread(target=stop)
    thread.start()
    assert list(pool.outcomes([job, waiting])) == []
    thread.join()
    newest = folder.newest_checkpoint(folder.models()[0])
    assert newest.name == f"model.pth.tar-{len(folder.history())}"
    begun = re.findall(r"^epoch \[(\d+)/", (folder.path / LOG).read_text(), re.M)
    assert int(begun[-1]) == len(folder.history())  # no further one was begun in vain
    assert not is_held(folder) and not failure_of(folder) and not folder.is_finished()
    assert not waiting.steps[0].folder.exists()


def test_a_pool_whose_processes_are_killed_calls_no_run_failed(make_job, monkeypatch):
    """As when an epoch lasts longer than SLURM's time limit leaves."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    job = make_job("long", "OPTIM.MAX_EPOCH", "5000")
    pool, folder = Pool([None]), RunFolder(job.steps[0].folder)

    def kill():
        while not folder.history():
            time.sleep(0.01)
        pool.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    assert list(pool.outcomes([job])) == []
    thread.join()
    assert not failure_of(folder)


def test_an_error_after_the_wish_to_stop_is_no_failure(make_job, monkeypatch):
    """What a process needs may be ended by the same signal."""
    job = make_job("job")

    def end(arguments):
        stopping._Wish.made = True
        raise RuntimeError("DataLoader worker is killed by signal: Terminated.")

    monkeypatch.setattr("rpo.commands.train.run", end)
    try:
        with pytest.raises(stopping.Stopped):
            perform(job)
    finally:
        stopping.listen([])
    assert not failure_of(RunFolder(job.steps[0].folder))


def test_a_wish_to_stop_waits_for_the_end_of_the_epoch():
    before = signal.getsignal(signal.SIGUSR1)
    try:
        stopping.listen([signal.SIGUSR1])
        stopping.begin_epoch()
        os.kill(os.getpid(), signal.SIGUSR1)
        with pytest.raises(stopping.Stopped):
            stopping.end_epoch()
        stopping.listen([signal.SIGUSR1])
        with pytest.raises(stopping.Stopped):
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(1)
        # SLURM sends it to all processes, and so does the task: the second may come at any moment.
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.01)
    finally:
        signal.signal(signal.SIGUSR1, before)
        stopping.listen([])
