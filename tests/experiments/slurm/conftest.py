"""A real SLURM of one node, and tiny runs on it."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import torch

from rpo.cli import main
from rpo.commands.status import entries_of
from rpo.experiments.status import RUNNING, statuses

UP = Path(__file__).resolve().parents[4] / "shared/slurm/up"
NEEDED = ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "runuser")
PORTS = {"SLURM_SQL_PORT": "26820", "SLURMDBD_PORT": "26819"}
PORTS |= {"SLURMCTLD_PORT": "26817", "SLURMD_PORT": "26818"}


def slurm(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The SLURM that SLURM_CONF names, else one that is started here and ended again."""
    # Steps that were measured on this machine would decide which runs share a task.
    os.environ["RPO_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    if "SLURM_CONF" in os.environ:
        slurm("sinfo")
        yield
        return
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing or not UP.exists() or os.getuid() != 0:
        pytest.skip(f"no SLURM can be started here: it needs root, {UP}, {', '.join(missing)}")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # where mariadb's and munge's users can go
    environment = {**os.environ, **PORTS, "PATH": path}
    said = subprocess.run([UP, folder], env=environment, capture_output=True, text=True)
    if said.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"SLURM does not start here: {said.stderr.strip().rpartition(chr(10))[2]}")
    os.environ["SLURM_CONF"] = said.stdout.strip().rpartition("=")[2]
    yield
    del os.environ["SLURM_CONF"]
    subprocess.run([UP, folder, "stop"], env=environment)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place(cluster, tmp_path, monkeypatch):
    """An empty working folder, from where nothing is left in the queue."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path
    subprocess.run(["scancel", "--user", str(os.getuid())])
    wait_for(lambda: not slurm("squeue", "--noheader"))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A function to the output folder of the same runs, done here one after the other."""
    done = {}

    def find(arguments):
        if arguments not in done:
            done[arguments] = str(tmp_path_factory.mktemp("undisturbed"))
            assert main([*arguments, "--output", done[arguments]]) == 0
        return done[arguments]

    return find


def rpo(capsys, *arguments, status=0):
    """What a command prints, to both streams."""
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == status
    said = capsys.readouterr()
    return said.out + said.err


def wait_for(condition, seconds=400, hurried=True):
    """Until it is true; where `hurried`, what was queued again does not wait two minutes."""
    end = time.time() + seconds
    while not (found := condition()):
        if time.time() > end:
            main(["status", "output"])  # which pytest shows: why runs failed
            pytest.fail(slurm("squeue", "--array"))
        if hurried:
            hurry()
        time.sleep(0.3)
    return found


def node():
    return slurm("sinfo", "--noheader", "--format", "%n").split()[0]


def hurry():
    """Lets start what waits, on a node that works again."""
    if slurm("sinfo", "--noheader", "--format", "%T").startswith(("down", "drain")):
        resume = ["scontrol", "update", f"nodename={node()}", "state=resume"]
        subprocess.run(resume, capture_output=True)
    waiting = slurm("squeue", "--noheader", "--array", "--format", "%i|%r")
    for job in re.findall(r"(\S+)\|BeginTime", waiting):
        subprocess.run(["scontrol", "update", f"jobid={job}", "starttime=now"], capture_output=True)
    for job in re.findall(r"(\S+)\|.*held", waiting):  # on a node that was not ready yet
        subprocess.run(["scontrol", "release", job], capture_output=True)


def states(output="output"):
    """How many runs are in each state."""
    found = [each.state for each in statuses(Path(output), entries_of(Path(output))[0])]
    return {state: found.count(state) for state in found}


def running(output="output", epochs=1):
    """The folders of runs that have saved some epochs, and go on."""
    found = statuses(Path(output), entries_of(Path(output))[0])
    folders = [each.job.steps[0].folder for each in found if each.state == RUNNING]
    return [each for each in folders if len(list(each.glob("*/model.pth.tar-*"))) >= epochs]


def processes(name):
    """The ids of those whose command line, beginning with a program's path, has a name."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if (name in line.split(" ")[0] if name == "slurmd" else name in line) and (
                os.environ["SLURM_CONF"] in (path / "environ").read_text(errors="replace")
            ):
                found.append(int(path.name))
    return found


def halt_until(condition):
    """Halts every process of runs, whose clocks and SLURM's go on. SLURM's warning wakes them."""
    try:
        wait_for(lambda: condition() or signal_runs(signal.SIGSTOP))
    finally:
        signal_runs(signal.SIGCONT)


def signal_runs(number):
    for process in processes("forkserver"):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, number)


def assert_same(one, other="output"):
    """Two output folders hold the same results and parameters, bit for bit, and nothing else."""
    found = [contents(Path(folder)) for folder in (one, other)]
    assert found[0].keys() == found[1].keys() != set()
    for name, content in found[0].items():
        if isinstance(content, dict) and name.endswith("json"):
            assert content == found[1][name], name
        else:
            assert all(torch.equal(value, found[1][name][key]) for key, value in content.items())
    assert not [path for path in Path(other).rglob("*.part")]


def contents(folder):
    """Metrics by results.json, and parameters by checkpoint."""
    found = {
        str(path.relative_to(folder)): json.loads(path.read_text())["metrics"]
        for path in folder.rglob("results.json")
    }
    for path in folder.rglob("model.pth.tar-*"):
        checkpoint = torch.load(path, weights_only=True)
        found[str(path.relative_to(folder))] = checkpoint["state_dict"]
    return found


def done_once(output="output"):
    """Every training was done once; for runs that nobody disturbs."""
    for log in Path(output).glob("*/base2new/train_base/**/log.txt"):
        assert log.read_text().count("Finish training") == 1, log
