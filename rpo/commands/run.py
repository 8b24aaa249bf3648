"""`rpo run`: all experiments of a protocol, in one command that can be interrupted at any time."""

import argparse
import contextlib
import os
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from rpo.commands import on_slurm
from rpo.commands.train import BACKBONE, build_config
from rpo.experiments import calibrate, estimate
from rpo.experiments.cases import Choice
from rpo.experiments.devices import slots
from rpo.experiments.files import names
from rpo.experiments.jobs import Job, Planner
from rpo.experiments.pool import Pool
from rpo.experiments.presets import read_preset
from rpo.experiments.progress import Progress
from rpo.experiments.protocols import read_protocol
from rpo.experiments.readiness import problems_of, problems_of_targets
from rpo.experiments.slurm import settings
from rpo.experiments.state import Splits, begun_with_other_source, job_state, parse_step
from rpo.experiments.unread import say_unread
from rpo.own_source import say_changed
from rpo.runs import FINISHED, INTERRUPTED, NEW
from rpo.trainers.config import default_config
from rpo.trainers.merging import merge_options

# Keys that a job gets from these options, and from its protocol.
OF_OPTIONS = {
    "DATASET.NAME": "--datasets",
    "DATASET.FOLDER": "--datasets",
    "DATASET.CSV": "--datasets",
    "DATASET.NUM_SHOTS": "--shots",
    "DATASET.ROOT": "--root",
    "OUTPUT_DIR": "--output",
    "SEED": "--seeds",
    "TRAINER.NAME": "--methods",
}
TO_START = "to start"  # NEW, which beside base and new classes would be taken for those
OF_PROTOCOLS = ("DATASET.SUBSAMPLE_CLASSES",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("protocol", help=f"{', '.join(names('protocol'))}, or a YAML file")
    shipped = ", ".join(names("preset"))
    parser.add_argument("--preset", default="rpo-paper", help=f"{shipped}, or a YAML file")
    for option, kind, help_text in (
        ("methods", str, "RPO, CoOp, ... (default: all of the protocol or preset)"),
        ("datasets", str, "names of configs/datasets, folders or CSVs of images"),
        ("seeds", int, "default: those of the protocol"),
        ("shots", int, "labelled images a class (default: those of the protocol)"),
        ("variants", str, "of a protocol that has them (default: all)"),
    ):
        parser.add_argument(f"--{option}", nargs="+", type=kind, default=(), help=help_text)
    parser.add_argument("--backbone", help=BACKBONE[2])
    parser.add_argument("--root", help="folder of the datasets (default: $DATA, then data)")
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder of all runs")
    parser.add_argument(
        "--processes",
        type=int,
        help="jobs at once, spread over the GPUs (default: as many as --gpus takes, else 1)",
    )
    parser.add_argument("--gpus", default="auto", help="0-7, or 0,2,3 (default: auto, all)")
    parser.add_argument("--per-gpu", type=int, default=1, help="jobs on one GPU (default: 1)")
    parser.add_argument(
        "--together",
        type=int,
        default=8,
        help="runs of RPO on the same batches, as of a sweep, in one process (default: 8)",
    )
    parser.add_argument(
        "--sweep",
        nargs="+",
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        help="a run for each value: --sweep OPTIM.LR 0.001 0.01; several are combined",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be done")
    parser.add_argument("--estimate", action="store_true", help="print what it would take")
    parser.add_argument(
        "--calibrate", action="store_true", help="the same after measuring ten steps of each kind"
    )
    parser.add_argument("--overwrite", action="store_true", help="start every job anew")
    parser.add_argument("--on", choices=("here", "slurm"), default="here", help="default: here")
    parser.add_argument("--wait", action="store_true", help="on SLURM: stay until all has ended")
    settings.add_arguments(parser)
    parser.epilog = "KEY VALUE pairs, anywhere, are passed on to every job: OPTIM.MAX_EPOCH 5"


def run(args: argparse.Namespace) -> int:
    """Exit status: 0, 1 if a job failed, 130 after Ctrl-C."""
    on_slurm.check(args)
    if args.together < 1:
        raise ValueError(f"--together is {args.together}; it must be at least 1")
    if args.backbone and BACKBONE[1] not in args.pairs:
        args.pairs = [BACKBONE[1], args.backbone, *args.pairs]
    args.slots = slots(args.gpus, args.per_gpu, args.processes)
    jobs = plan(args)
    warn_of_unread(jobs, args)
    try:
        splits = Splits()
        states = {job: NEW if args.overwrite else state_of(job, splits) for job in jobs}
        begun = [job for job, state in states.items() if state != NEW]
        for trainer, those in begun_with_other_source(begun).items():
            say_changed(trainer, "1 run was" if len(those) == 1 else f"{len(those)} runs were")
        if (args.estimate or args.calibrate) and not unfinished(states):
            print(f"{summary(states)}. Nothing is left")
        elif args.estimate or args.calibrate:
            show_estimate(unfinished(states), args)
        elif args.dry_run and args.on == "slurm":
            on_slurm.show(unfinished(states), args)
        elif args.dry_run:
            show_commands(states, args.overwrite)
        else:
            return carry_out(states, args)
        return 0
    except KeyboardInterrupt:
        again = ", without --overwrite," if args.overwrite else ""
        print(f"\nInterrupted. The same command{again} continues where this one stopped.")
        return 130


def plan(args: argparse.Namespace) -> list[Job]:
    """The jobs that the command line asks for.

    Raises:
        ValueError, KeyError, FileNotFoundError: some name or key does not exist.
    """
    chosen = ("methods", "datasets", "seeds", "shots", "variants", "root", "output")
    given = {name: getattr(args, name) for name in chosen}
    jobs: dict[tuple[Path, ...], Job] = {}  # a method may read none of the keys of a sweep
    check_keys([*args.pairs[::2], *(key for key, *_ in args.sweep)])
    for pairs in swept(args):
        merge_options(default_config(), [*args.pairs, *pairs])
        choice = Choice(**given, swept=pairs, options=[*args.pairs, *pairs])
        planner = Planner(read_protocol(args.protocol), read_preset(args.preset), choice)
        for job in planner.jobs():
            jobs.setdefault(tuple(step.folder for step in job.steps), job)
    return list(jobs.values())


def check_keys(keys: Iterable[str]) -> None:
    """Raises ValueError for a key that would contradict what a job is called and counted as."""
    for key in keys:
        if key in OF_OPTIONS:
            raise ValueError(f"{key} is no key of options here: give {OF_OPTIONS[key]}")
        if key in OF_PROTOCOLS:
            raise ValueError(f"{key} is no key of options here: the protocol says it")


def warn_of_unread(jobs: Sequence[Job], args: argparse.Namespace) -> None:
    """Says which options the methods that are run do not read."""
    keys = [*args.pairs[::2], *(key for key, *_ in args.sweep)]
    steps = {job.method: job.steps[0] for job in jobs} if keys else {}
    configs = []
    for step in steps.values():
        with contextlib.suppress(ImportError, OSError, ValueError):  # said when it comes to the job
            configs.append(build_config(parse_step(step)))
    say_unread(keys, configs)


def swept(args: argparse.Namespace) -> Iterator[list[str]]:
    """KEY VALUE pairs of every combination that --sweep asks for.

    Raises:
        ValueError: a key stands there without a value, or twice.
    """
    given = [*args.pairs[::2], *(key for key, *_ in args.sweep)]
    for key, *values in args.sweep:
        if not values:
            raise ValueError(f"--sweep {key} has no value; as in --sweep OPTIM.LR 0.001 0.01")
        if given.count(key) > 1:
            raise ValueError(f"{key} is given twice: all of its values follow one --sweep {key}")
    choices = [[(key, value) for value in values] for key, *values in args.sweep]
    for combination in product(*choices):
        yield [part for pair in combination for part in pair]


def state_of(job: Job, splits: Splits) -> str:
    """A folder with another configuration fails when it comes to its job, not the whole command."""
    try:
        return job_state(job, splits)
    except ValueError:
        return NEW


def show_commands(states: dict[Job, str], overwrite: bool) -> None:
    """Every job and the commands that do the same one after the other."""
    print(summary(states))
    flags = ["--overwrite"] if overwrite else []
    for job, state in states.items():
        print(f"\n# {job.label} ({TO_START if state == NEW else state})")
        for step in job.steps:
            print(shlex.join(["rpo", "train", *(flags if step.trains else []), *step.arguments]))


def carry_out(states: dict[Job, str], args: argparse.Namespace) -> int:
    """Runs what is not finished and says how it goes."""
    todo = unfinished(states)
    print(summary(states), flush=True)
    progress = Progress(len(states), todo, len(args.slots))
    for problem, jobs in problems_of(todo).items():
        print(progress.refused(problem, jobs), flush=True)
    todo = list(progress.left)
    for shown, problem in problems_of_targets(todo).items():
        print(f"warning: no job can be evaluated on {shown}: {problem}", file=sys.stderr)
    prepare_environment(todo, len(args.slots))
    if args.on == "slurm" and todo:
        return on_slurm.run(todo, args) or int(bool(progress.failed))
    if args.on == "slurm" and progress.failed:
        print("Nothing is submitted: no job that is left can start")
        return 1
    if todo:
        look = shlex.join(["rpo", "status", str(args.output)])
        print(f"{look} tells how far each run is", flush=True)
    group = read_preset(args.preset).runs_per_process
    pool = Pool(args.slots, args.overwrite, group, together=args.together)
    with contextlib.closing(pool.outcomes(todo)) as ended:
        for outcome in ended:
            print(progress.line(outcome), flush=True)
    if progress.failed:
        print(f"\n{len(progress.failed)} of {len(states)} jobs failed:")
        print("\n".join(f"  {outcome.job.label}" for outcome in progress.failed))
        return 1
    print(f"\nEverything is finished. The table: {report_of(states, args)}")
    return 0


def report_of(jobs: Iterable[Job], args: argparse.Namespace) -> str:
    """The command that prints the table of some jobs."""
    table = read_protocol(args.protocol).table
    command = ["rpo", "report", *dict.fromkeys(str(job.report) for job in jobs)]
    command += ["--table", table] if table else []
    options = dict(zip(args.pairs[::2], args.pairs[1::2], strict=True))
    command += ["--split", "val"] if options.get("TEST.SPLIT") == "val" else []
    return shlex.join(command)


def show_estimate(todo: Sequence[Job], args: argparse.Namespace) -> None:
    """What the jobs that are left would take, of hours and of the disk."""
    for row in calibrate.measure_all(todo) if args.calibrate else ():
        per_step = f"{row.step:.3g} s a step ({row.low:.3g} to {row.high:.3g})"
        print(f"{row.kind.method}, {row.kind.classes} classes: {per_step}", flush=True)
    if args.on == "slurm":
        print(on_slurm.estimate(todo, args))
    else:
        print(estimate.report(todo, calibrate.device_name(), len(args.slots)))


def unfinished(states: dict[Job, str]) -> list[Job]:
    return [job for job, state in states.items() if state != FINISHED]


def summary(states: dict[Job, str]) -> str:
    """So many jobs, so many of each state."""
    count = Counter(states.values())
    plural = "s" if len(states) > 1 else ""
    return (
        f"{len(states)} job{plural}: {count[FINISHED]} finished, {count[INTERRUPTED]} interrupted, "
        f"{count[NEW]} {TO_START}"
    )


def prepare_environment(jobs: Sequence[Job], processes: int) -> None:
    """What the processes inherit: no progress bars, and one thread where more do harm."""
    os.environ["TQDM_DISABLE"] = "1"
    configs = [parse_step(job.steps[0]).config_file for job in jobs]
    if processes > 1 or all(Path(config).stem.startswith("tiny") for config in configs):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
