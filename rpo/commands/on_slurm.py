"""`rpo run --on slurm`: what is missing, handed to SLURM."""

import argparse
import contextlib
import importlib.util
import shlex
import time
from collections.abc import Sequence
from typing import Any

from rpo.commands.status import entries_of
from rpo.experiments.calibrate import device_name
from rpo.experiments.cost import expected_seconds
from rpo.experiments.estimate import check_time, report
from rpo.experiments.job import Job
from rpo.experiments.measured import likely_device
from rpo.experiments.presets import read_preset
from rpo.experiments.progress import accuracy
from rpo.experiments.slurm.checks import check_output, chosen_partition
from rpo.experiments.slurm.controller import release, settled_queue
from rpo.experiments.slurm.packing import pack
from rpo.experiments.slurm.records import Records
from rpo.experiments.slurm.settings import Cluster, read_cluster, typed_options
from rpo.experiments.status import (
    FAILED,
    FINISHED,
    QUEUED,
    RUNNING,
    Status,
    key,
    statuses,
)

# Seconds between two looks of --wait.
REFRESH = 2.0


def check(args: argparse.Namespace) -> None:
    """Raises ValueError or ImportError for what cannot be, before anything is looked at."""
    if args.on == "here":
        for option in [*typed_options(args), *(["--wait"] if args.wait else [])]:
            raise ValueError(f"{option} goes with --on slurm")
        return
    if args.gpus != "auto" or args.processes is not None:
        raise ValueError(
            "--gpus and --processes are for this host; an array task has --gpus-per-job, and "
            "--per-gpu runs on each"
        )
    if importlib.util.find_spec("submitit") is None:
        raise ImportError("--on slurm needs submitit: pip install 'rpo-clip[slurm]'")
    if args.overwrite:
        raise ValueError(
            "--overwrite does not go with --on slurm, where a run may be started several times: "
            "remove its folder instead, or name another --output"
        )


def run(todo: Sequence[Job], args: argparse.Namespace) -> int:
    """Submits what is not queued already. Exit status: 0, 1 if with --wait a job failed."""
    cluster = read_cluster(args)
    partition = chosen_partition(cluster)
    cluster = cluster.on(partition)
    check_output(args.output, partition.local, len(todo))
    records = Records(args.output)
    records.open()
    with records.lock():
        fresh = not_queued(todo, records)
        if len(fresh) < len(todo):
            print(f"{len(todo) - len(fresh)} are queued already")
        submitter = make_submitter(cluster, records, args)
        check_time(fresh, device_of(cluster), cluster.minutes)
        tasks = packed(fresh, cluster, args)
        for job in submitter.submit(tasks):
            print(f"Submitted job {job} to the partition {partition.name}", flush=True)
    if fresh:
        runs = f"{len(fresh)} run{'s' if len(fresh) > 1 else ''}"
        print(f"{runs} in {len(tasks)} array task{'s' if len(tasks) > 1 else ''}")
    print(f"How it goes: {shlex.join(['rpo', 'status', str(args.output)])}", flush=True)
    return wait(todo, args) if args.wait else 0


def not_queued(todo: Sequence[Job], records: Records) -> list[Job]:
    """The jobs that no task in the queue will do.

    Raises:
        ConnectionError: the controller does not say what is in the queue.
    """
    submissions = records.submissions()
    entries = settled_queue([each.name for each in submissions])
    for entry in release(entries):
        print(f"Released {entry.id}, which SLURM held: a node had failed to start it")
    there = {(entry.name, entry.task) for entry in entries}
    queued = {
        key(job)
        for submission in submissions
        for index, jobs in enumerate(submission.tasks)
        if (submission.name, index) in there
        for job in jobs
    }
    return [job for job in todo if key(job) not in queued]


def make_submitter(cluster: Cluster, records: Records, args: argparse.Namespace) -> Any:
    """Imports submitit, an extra, only here."""
    from rpo.experiments.slurm.submit import Submitter

    group = read_preset(args.preset).runs_per_process
    return Submitter(cluster, records, args.protocol, args.per_gpu, group)


def estimate(jobs: Sequence[Job], args: argparse.Namespace) -> str:
    """What the jobs take, if the cluster has room for all array tasks that it may run."""
    cluster = read_cluster(args)
    with contextlib.suppress(FileNotFoundError):  # an estimate needs no SLURM
        cluster = cluster.on(chosen_partition(cluster))
    at_once = cluster.array_parallelism * max(1, cluster.gpus_per_job or 0) * args.per_gpu
    return report(jobs, device_of(cluster), at_once)


def device_of(cluster: Cluster) -> str:
    """What its nodes compute with, as far as that is known here."""
    return likely_device(bool(cluster.gpus_per_job), device_name())


def packed(jobs: Sequence[Job], cluster: Cluster, args: argparse.Namespace) -> list[list[Job]]:
    """Array tasks of about `--minutes-per-job`, by what finished runs took."""
    at_once = max(1, cluster.gpus_per_job or 0) * args.per_gpu
    seconds = min(cluster.minutes_per_job, cluster.minutes) * 60
    device = device_of(cluster)
    return pack([(job, expected_seconds(job, device)) for job in jobs], seconds, at_once)


def show(todo: Sequence[Job], args: argparse.Namespace) -> None:
    """The script that sbatch would be given, and which runs it stands for."""
    cluster = read_cluster(args)
    try:
        cluster = cluster.on(chosen_partition(cluster))
    except FileNotFoundError as error:  # a script can be looked at where there is no SLURM
        print(f"# {error}")
    tasks = packed(todo, cluster, args)
    for index, jobs in enumerate(tasks):
        print(f"# task {index}: {'; '.join(job.label for job in jobs)}")
    name = f"rpo-{args.protocol}"
    print(make_submitter(cluster, Records(args.output), args).executor(name).script(len(tasks)))


def wait(jobs: Sequence[Job], args: argparse.Namespace) -> int:
    """Prints each run as it ends, until none of them is queued or running."""
    wanted, said = {key(job) for job in jobs}, dict.fromkeys(map(key, jobs), "")
    while True:
        entries, problem = entries_of(args.output)
        every = statuses(args.output, entries, not problem)
        mine = [each for each in every if key(each.job) in wanted]
        for each in mine:
            if each.state in (FINISHED, FAILED) and said[key(each.job)] != each.state:
                said[key(each.job)] = each.state
                ended = sum(bool(state) for state in said.values())
                print(f"[{ended}/{len(jobs)}] {ending(each)}", flush=True)
        if not problem and not any(each.state in (QUEUED, RUNNING) for each in mine):
            break
        time.sleep(REFRESH)
    missing = [each for each in mine if each.state != FINISHED]
    for each in missing:
        print(f"  {each.state}: {each.job.label} {each.note}".rstrip())
    return int(bool(missing))


def ending(each: Status) -> str:
    """A line for a run that has ended."""
    if each.state == FAILED:
        return f"{each.job.label}: FAILED\n    {each.note}"
    shown = ", ".join(f"{step.shown} {accuracy(step)}" for step in each.job.steps)
    return f"{each.job.label}: {shown}"
