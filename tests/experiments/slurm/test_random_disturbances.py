"""Sixty tiny runs and thirty disturbances at random: about a quarter of an hour, by -m slow."""

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import assert_same, hurry, node, processes, rpo, slurm, states, wait_for

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
GRID = ("run", "base2new", "--preset", "tiny", "--datasets", "digits", "--methods", "RPO", "CoOp")
GRID += ("LP", "--seeds", *map(str, range(1, 21)), "OPTIM.MAX_EPOCH", "4")
ON = ("--on", "slurm", "--per-gpu", "2")
DISTURBANCES = 30


def requeue(draw, capsys):
    running = slurm("squeue", "--noheader", "--states", "running", "--format", "%i").split()
    for job in draw.sample(running, min(1, len(running))):
        subprocess.run(["scontrol", "requeue", job])


def cancel_one(draw, capsys):
    queued = slurm("squeue", "--noheader", "--array", "--format", "%i").split()
    for job in draw.sample(queued, min(1, len(queued))):
        subprocess.run(["scancel", job])


def cancel_all(draw, capsys):
    rpo(capsys, "cancel", "output")
    assert not slurm("squeue", "--noheader")


def lose_the_node(draw, capsys):
    """Its daemon dies; SLURM learns of it when it is back, or declares the node down."""
    for process in processes("slurmd"):
        os.kill(process, signal.SIGKILL)
    time.sleep(draw.random() * 5)
    subprocess.run(["scontrol", "update", f"nodename={node()}", "state=down", "reason=test"])
    subprocess.run(["slurmd"], check=True)


def kill_a_run(draw, capsys):
    runs = processes("forkserver")
    for process in draw.sample(runs, min(1, len(runs))):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def preempt(draw, capsys):
    urgent = ("sbatch", "--partition", "urgent", "--exclusive", "--time", "5", "--wrap", "sleep 1")
    slurm(*urgent, "--output", "/dev/null")


def test_every_number_is_as_undisturbed(place, undisturbed, capsys):
    draw = random.Random(1)
    kinds = (requeue, cancel_one, cancel_all, lose_the_node, kill_a_run, preempt)
    rpo(capsys, *GRID, *ON)
    for _ in range(DISTURBANCES):
        end = time.time() + draw.random() * 20
        while time.time() < end:
            hurry()
            time.sleep(0.3)
        draw.choice(kinds)(draw, capsys)
        rpo(capsys, *GRID, *ON)  # what is missing, and nothing twice
    end = time.time() + 1800
    while states() != {"finished": 60}:
        assert time.time() < end, states()
        wait_for(lambda: not slurm("squeue", "--noheader") or states() == {"finished": 60}, 1800)
        rpo(capsys, *GRID, *ON)
    assert_same(undisturbed(GRID))
    for log in Path("output").glob("*/base2new/train_base/**/log.txt"):
        check_epochs(log.read_text())


def check_epochs(log):
    """No epoch was done by two at once: one is repeated only where a run was killed and resumed."""
    saved = [line for line in log.splitlines() if line.startswith("Checkpoint saved")]
    assert len(saved) - len(set(saved)) <= log.count("will resume training"), log
