"""What is asked of SLURM and made of its answers, where its commands are stand-ins."""

import json
import os
import re
from pathlib import Path

import pytest

from rpo.cli import main
from rpo.experiments.job import Job, Step
from rpo.experiments.slurm.checks import check_output
from rpo.experiments.slurm.controller import minutes, partitions, queue, reason
from rpo.experiments.slurm.packing import chunks, pack
from rpo.experiments.slurm.records import Records
from rpo.runs import RunFolder, failure_of, note_failure

GRID = ["run", "base2new", "--preset", "tiny", "--datasets", "digits", "--methods", "RPO"]
NODES = """batch|batch*|up|infinite|2|(null)|n1|10.0.0.1
gpu|gpu|up|1-00:00:00|64+|gpu:a100:8(S:0-1)|n2|10.0.0.2
gpu|gpu|up|1-00:00:00|128|gpu:h100:8|n3|10.0.0.3
old|old|down|2:00:00|8|(null)|n4|10.0.0.4"""


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """A function that puts a command on the PATH which prints something."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))  # where no step was measured

    def answer(command, text="", error="", status=0):
        path = folder / command
        path.write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\necho '{error}' >&2\nexit {status}\n")
        path.chmod(0o755)

    return answer


@pytest.mark.parametrize(
    ("typed", "found"),
    [("90", 90), ("90:30", 91), ("4:00:00", 240), ("1-12", 2160), ("1-00:30", 1470), ("0:0:1", 1)],
)
def test_time_limits(typed, found):
    assert minutes(typed) == found


def test_partitions(answers):
    answers("sinfo", NODES)
    found = partitions()
    assert found["batch"].default and not found["gpu"].default and not found["old"].up
    assert (found["batch"].limit, found["gpu"].limit) == (None, 1440)
    assert (found["gpu"].cpus, found["gpu"].gpus, found["batch"].gpus) == (128, True, False)


def test_the_queue(answers):
    lines = (
        "7_3|rpo-x-1|3|PENDING|BeginTime|2030-01-01T00:00:00||1:00",
        "9|y|N/A|RUNNING|None||n1|2",
    )
    answers("squeue", "\n".join(lines))
    first, second = queue(["rpo-x-1", "y"])
    assert (first.id, first.name, first.task, first.reason) == ("7_3", "rpo-x-1", 3, "BeginTime")
    assert (second.id, second.task, second.node, second.left) == ("9", 0, "n1", "2")
    assert queue([]) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--partition", "gpus"], 'there is no partition "gpus". Did you mean "gpu"?'),
        (["--partition", "old"], "the partition old takes no jobs: it is not up"),
        (["--partition", "gpu", "--time", "2-0"], "--time is 2880 minutes, and the partition gpu"),
        (["--time", "soon"], '--time: "soon" is no time limit; it can be 90 (minutes)'),
        (["--gpus-per-job", "2"], "--gpus-per-job is 2, and the partition batch has no GPUs"),
        (["--cpus-per-job", "0"], "--cpus-per-job is 0; it must be a whole number from 1 on"),
        (["--cluster", "defualt"], 'there is no cluster "defualt". Did you mean "default"?'),
        (["--overwrite"], "--overwrite does not go with --on slurm"),
        (["--output", "/dev/shm/rpo%j"], "SLURM reads a % in a path as a pattern"),
        ([], "lies on "),  # in /tmp
    ],
)
def test_what_cannot_be_is_said_before_anything_is_submitted(answers, capsys, arguments, said):
    answers("sinfo", NODES)
    answers("sbatch", "Submitted batch job 1")
    arguments = ["--output", "/dev/shm/rpo-output", *arguments]
    assert main([*GRID, "--on", "slurm", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not Path("/dev/shm/rpo-output").exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("slurm_load_partitions: Unable to contact slurm controller (connect failure)",
         "SLURM's controller does not answer (sinfo: slurm_load_partitions: Unable to contact"),
        ("sinfo: error: Invalid user", "sinfo refuses: sinfo: error: Invalid user"),
    ],
)  # fmt: skip
def test_a_controller_that_does_not_answer(answers, capsys, error, said):
    answers("sinfo", error=error, status=1)
    assert main([*GRID, "--on", "slurm"]) == 2
    assert said in capsys.readouterr().err


def test_the_reason_of_an_error_is_not_where_the_help_is():
    said = 'sbatch: unrecognized option: --foo=bar\nTry "sbatch --help" for more information\n'
    assert reason(said) == "sbatch: unrecognized option: --foo=bar"
    assert reason("\n") == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--partition", "gpu"], "--partition goes with --on slurm"),
        (["--cluster", "a.yaml"], "--cluster goes with --on slurm"),
        (["--wait"], "--wait goes with --on slurm"),
        (["--on", "slurm", "--gpus", "0-3"], "an array task has --gpus-per-job"),
    ],
)
def test_options_of_the_other_place(capsys, arguments, said):
    assert main([*GRID, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_no_slurm(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))
    assert main([*GRID, "--on", "slurm"]) == 2
    assert "there is no SLURM here (no command sinfo)" in capsys.readouterr().err
    assert main([*GRID, "--on", "slurm", "--dry-run", "--seeds", "1", "2"]) == 0
    said = capsys.readouterr().out
    assert "# there is no SLURM here" in said and "#SBATCH --array=0-1%2" in said


def test_a_lab_writes_its_cluster_down_once(answers, capsys):
    answers("sinfo", NODES)
    Path("ours.yaml").write_text(
        "partition: gpu\ntime: 12:00:00\nmem: 32G\nsetup: [module load cuda]\n"
        "slurm: {constraint: a100, exclusive: true}\n"
    )
    typed = ["--cluster", "ours.yaml", "--time", "90", "--setup", "date", "--account", "us"]
    assert main([*GRID, "--on", "slurm", "--dry-run", *typed, "--slurm", "nice", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for option in ("partition=gpu", "time=90", "mem=32G", "account=us", "constraint=a100", "nice=5",
                   "exclusive", "gpus-per-node=1", "cpus-per-task=8", "requeue"):  # fmt: skip
        assert f"#SBATCH --{option}" in lines
    assert lines.index("module load cuda") < lines.index("date")
    assert "export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}" in lines
    assert not [line for line in lines if "wckey" in line]


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3e6}))
    with pytest.raises(OSError, match="is full: 5 runs need 10 MB or more, and 3 MB are free"):
        check_output(tmp_path / "not-there-yet", True, 5)


def test_without_data_nothing_is_submitted(answers, capsys):
    answers("sinfo", NODES)
    grid = ["run", "base2new", "--preset", "tiny", "--datasets", "dtd", "--methods", "RPO"]
    assert main([*grid, "--root", "nowhere", "--on", "slurm", "--seeds", "1", "2"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and said[1].startswith("2 jobs cannot start (RPO, ")
    assert said[2] == "Nothing is submitted: no job that is left can start"


@pytest.mark.parametrize(("tasks", "said"), [(1, "1 task is cancelled;"), (2, "2 tasks are ")])
def test_how_many_tasks_are_cancelled(answers, submitted, capsys, monkeypatch, tasks, said):
    name = submitted(*([job(str(index))] for index in range(tasks)))
    lines = [f"8_{index}|{name}|{index}|PENDING|Priority|||1:00" for index in range(tasks)]
    answers("squeue", "\n".join(lines))
    answers("scancel")
    monkeypatch.setattr("rpo.commands.cancel.ENDING", 0)
    assert main(["cancel", "out"]) == 0
    assert said in capsys.readouterr().out


@pytest.fixture
def submitted():
    """A function that notes an array as submitted, as SLURM's number 8; returns its name."""

    def submit(*tasks, number="8"):
        records = Records(Path("out"))
        records.open()
        name = records.add("base2new", tasks)
        script = records.folder / f"{number}_submission.sh"
        script.write_text(f"#!/bin/bash\n#SBATCH --job-name={name}\nexit 3\n")
        return name

    return submit


def job(name):
    return Job("RPO", name, Path("out"), (Step("base", Path("out") / name, True, ()),))


NO_MODULE = "slurm_script: line 12: module: command not found"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{NO_MODULE}\n", NO_MODULE),
        (f"{NO_MODULE}\nsrun: error: n1: task 0: Exited with exit code 3\n", NO_MODULE),
        ("", "its task ended without a word"),
    ],
)
def test_a_task_that_dies_in_its_setup(answers, submitted, capsys, said, shown):
    answers("squeue")
    submitted([job("one")])
    assert main(["status", "out"]) == 0
    assert "1 not started" in capsys.readouterr().out
    Path("out/slurm/8_0_log.err").write_text(said)
    assert main(["status", "out"]) == 0
    expected = f"  failed: one (before it began: {shown} (log: out/slurm/8_0_log.err))\n"
    assert expected in capsys.readouterr().out


def test_only_a_task_that_has_ended_in_silence_counts_as_one(answers, submitted, capsys):
    """Not one in the queue, that said where it runs, or that was cancelled."""
    name = submitted([job("waits")], [job("dies")], [job("begins")])
    cancelled = submitted([job("cancelled")], number="9")
    records = Records(Path("out"))
    records.write_task(name, 2, {"host": "n1", "since": "2030-01-01 00:00:00"})
    (records.folder / f"{cancelled}.cancelled").touch()
    for place in ("8_0", "8_1", "8_2", "9"):
        (records.folder / f"{place}_0_log.err").write_text(NO_MODULE)
    answers("squeue", f"8_0|{name}|0|RUNNING|None||n1|9:00")
    assert main(["status", "out"]) == 0
    said = capsys.readouterr().out
    assert "4 runs in out: 1 queued, 1 failed, 2 not started" in said and "failed: dies (" in said
    answers("squeue", error="Unable to contact slurm controller", status=1)
    assert main(["status", "out"]) == 0  # then what has ended is not known
    assert "4 runs in out: 4 not started" in capsys.readouterr().out


def test_a_run_that_failed_before_it_began_is_counted(tmp_path, capsys):
    folder = RunFolder(tmp_path / "out" / "seed1")
    folder.path.mkdir(parents=True)
    note_failure(folder, "photos is empty")
    assert main(["status", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "out: 1 failed\n  failed: seed1 (photos is empty (" in said


def test_a_damaged_failure_json_hides_no_run(tmp_path, capsys):
    for number, content in enumerate(("{", "[1]", '{"count": 1}', '{"count": "1"}', "\xff")):
        folder = tmp_path / "out" / f"seed{number}"
        folder.mkdir(parents=True)
        (folder / "failure.json").write_bytes(content.encode("latin-1"))
        (folder / "run.json").write_text(json.dumps({"config": {"TRAINER": {"NAME": "RPO"}}}))
    assert main(["status", str(tmp_path / "out")]) == 0
    assert "out: 5 interrupted\n" in capsys.readouterr().out


def test_a_run_that_went_on_after_a_failure_is_interrupted(tmp_path, capsys):
    folder = RunFolder(tmp_path / "out" / "seed1")
    folder.path.mkdir(parents=True)
    config = {"TRAINER": {"NAME": "RPO"}, "OPTIM": {"MAX_EPOCH": 3}}
    (folder.path / "run.json").write_text(json.dumps({"config": config}))
    note_failure(folder, "out of memory")
    os.utime(folder.path / "failure.json", (0, 0))
    folder.write_history([{"loss": 1.0}])
    assert main(["status", str(tmp_path / "out")]) == 0
    assert "out: 1 interrupted\n" in capsys.readouterr().out
    note_failure(folder, "out of memory")  # after its epoch
    assert failure_of(folder)["count"] == 1
    assert main(["status", str(tmp_path / "out")]) == 0
    assert "failed: seed1 (out of memory (" in capsys.readouterr().out


def jobs(count):
    step = Step("base", Path("x"), True, ())
    return [Job("RPO", str(index), Path("."), (step,)) for index in range(count)]


@pytest.mark.parametrize(
    ("seconds", "at_once", "sizes"),
    [
        ([20, 20, 20, 20, 20], 1, [3, 2]),
        ([20, 20, 20, 20, 20], 2, [5]),
        ([100, 20, 20], 1, [1, 2]),
        ([None, None, None], 1, [1, 1, 1]),
        ([None, None, None], 2, [2, 1]),
        ([], 1, []),
    ],
)
def test_short_runs_share_a_task(seconds, at_once, sizes):
    every = list(zip(jobs(len(seconds)), seconds, strict=True))
    tasks = pack(every, 60, at_once)
    assert [len(task) for task in tasks] == sizes
    assert [job for task in tasks for job in task] == [job for job, _ in every]


def test_arrays_have_at_most_so_many_tasks():
    assert [len(each) for each in chunks(range(2500), 1000)] == [1000, 1000, 500]


def test_what_was_submitted_is_found_from_anywhere(tmp_path):
    """The output folder may be mounted elsewhere on another host."""
    here, there = tmp_path / "here", tmp_path / "there"
    steps = (Step("base", here / "a", True, ("--seed", "1")), Step("new", here / "b", False, ()))
    job = Job("RPO", "RPO, Digits", here / "rpo", steps)
    records = Records(here)
    records.open()
    name = records.add("own/protocol.yaml", [[job], [job]])
    assert re.fullmatch("rpo-own_protocol_yaml-[0-9a-f]{8}", name)
    here.rename(there)
    (found,) = Records(there).submissions()
    assert found.name == name and len(found.tasks) == 2
    assert [step.folder for step in found.tasks[1][0].steps] == [there / "a", there / "b"]
    Records(there).remove(name)
    assert Records(there).submissions() == []
