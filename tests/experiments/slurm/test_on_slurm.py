"""`rpo run --on slurm` on a real SLURM of one node: disturbed in every way, it ends the same."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from .conftest import (
    assert_same,
    done_once,
    halt_until,
    node,
    rpo,
    running,
    slurm,
    states,
    wait_for,
)

pytestmark = pytest.mark.slurm
GRID = ("run", "base2new", "--preset", "tiny", "--datasets", "digits", "--methods", "RPO")
SHORT = (*GRID, "--seeds", "1", "2", "OPTIM.MAX_EPOCH", "3")
LONG = (*GRID, "--seeds", "1", "2", "OPTIM.MAX_EPOCH", "16")
ON = ("--on", "slurm", "--cpus-per-job", "1")


def finished(count, output="output"):
    return lambda: states(output) == {"finished": count}


def test_an_array(place, undisturbed, capsys):
    """Each state, from submission to the end; a second command adds nothing."""
    said = rpo(capsys, *SHORT, *ON)
    assert re.search(r"Submitted job \d+ to the partition batch\n2 runs in 2 array tasks\n", said)
    assert "2 runs in output: 2 queued" in rpo(capsys, "status", "output")
    assert "2 are queued already\n" in rpo(capsys, *SHORT, *ON)
    wait_for(lambda: "running" in states())
    assert re.search(r"running: RPO, Digits, 16 shots, seed \d \(on \S+ since .*\)",
                     rpo(capsys, "status", "output"))  # fmt: skip
    wait_for(finished(2))
    assert "2 runs in output: 2 finished" in rpo(capsys, "status", "output")
    assert_same(undisturbed(SHORT))
    done_once()
    assert "2 jobs: 2 finished" in rpo(capsys, *SHORT, *ON)


def test_requeued_preempted_cancelled_and_the_node_lost(place, undisturbed, capsys):
    """One after the other, in mid-run, of a task that does two runs side by side."""
    said = rpo(capsys, *LONG, "--on", "slurm", "--per-gpu", "2")
    assert "2 runs in 1 array task\n" in said
    wait_for(lambda: len(running(epochs=1)) == 2)
    tasks = slurm("squeue", "--noheader", "--array", "--format", "%i").split()
    slurm("scontrol", "requeue", *tasks)
    wait_for(lambda: not running(), hurried=False)
    wait_for(lambda: len(running(epochs=2)) == 2)
    slurm("scontrol", "update", f"nodename={node()}", "state=down", "reason=test")
    wait_for(lambda: not running(), hurried=False)  # a task is lost with its node, or still ends
    wait_for(lambda: len(running(epochs=3)) == 2)
    urgent = ("sbatch", "--partition", "urgent", "--exclusive", "--time", "5", "--wait")
    slurm(*urgent, "--output", "/dev/null", "--wrap", "sleep 1")
    wait_for(lambda: len(running(epochs=4)) == 2)
    assert "their runs end" in rpo(capsys, "cancel", "output")
    assert states() == {"interrupted": 2}
    said = rpo(capsys, *LONG, "--on", "slurm", "--per-gpu", "2", "--wait")
    assert said.count("Digits, 16 shots, seed") == 2
    assert_same(undisturbed(LONG))


def test_a_time_limit_shorter_than_the_run(place, undisturbed, capsys):
    """Which begins to stop after 80 of its 120 seconds. With 60, the shortest limit that SLURM
    knows, a busy machine may start for longer, and the task would rightly give up."""
    rpo(capsys, *LONG, "--on", "slurm", "--per-gpu", "2", "--time", "2")
    wait_for(lambda: len(running(epochs=1)) == 2 or "failed" in states())
    if "nothing was finished within the time limit" in rpo(capsys, "status", "output"):
        pytest.skip("no epoch within 80 s: this machine is too busy for a limit of 2 min")
    (task,) = Path("output/slurm").glob("*_log.out")
    # Or a fast machine would be done by then.
    halt_until(lambda: "Stopping when the epoch is saved: time limit" in task.read_text())
    wait_for(lambda: "queued again" in rpo(capsys, "status", "output"))
    wait_for(finished(2))
    assert_same(undisturbed(LONG))


def test_a_run_that_fails(place, capsys):
    broken = (*GRID, "--seeds", "1", "OPTIM.LR", "1e38", "OPTIM.MAX_EPOCH", "3")
    said = rpo(capsys, *broken, *ON, "--wait", status=1)
    assert "seed 1: FAILED" in said
    said = rpo(capsys, "status", "output")
    assert re.search(
        r"failed: RPO, .*seed 1 \(.*(?:nan|infinite).* \(.*log: .*log.txt\)\)", said
    ), said


def test_a_setup_that_fails(place, capsys):
    wrong = ("--setup", "module load cuda", "--setup", "exit 3")
    said = rpo(capsys, *GRID, "--seeds", "1", *ON, *wrong, "--wait", status=1)
    assert re.search(
        r"FAILED\n    before it began: .*module.* \(log: output/slurm/\d+_0_log.err", said
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--partition", "batc"], 'there is no partition "batc". Did you mean "batch"?'),
        (["--cpus-per-job", "999"], "--cpus-per-job is 999, and a node of the partition batch has"),
        (["--gpus-per-job", "1"], "--gpus-per-job is 1, and the partition batch has no GPUs"),
        (["--account", "nobody", "--slurm", "licenses", "no:1"], "sbatch refuses: "),
    ],
)
def test_what_slurm_does_not_have(place, capsys, arguments, said):
    assert said in rpo(capsys, *SHORT, "--on", "slurm", *arguments, status=2)
    assert not slurm("squeue", "--noheader")
    assert not list(Path("output").glob("slurm/rpo-*.json"))


def test_a_controller_that_does_not_answer(place, capsys, monkeypatch):
    configuration = Path(os.environ["SLURM_CONF"]).read_text()
    Path("slurm.conf").write_text(re.sub(r"SlurmctldPort=\d+", "SlurmctldPort=1", configuration))
    monkeypatch.setenv("SLURM_CONF", str(Path("slurm.conf").absolute()))
    said = rpo(capsys, *SHORT, *ON, status=2)
    assert "SLURM's controller does not answer" in said
    assert not Path("output").exists()
    monkeypatch.undo()
    subprocess.run(["sinfo"], check=True, capture_output=True)
