"""`rpo cancel`: ends what SLURM has in its queue, waiting or running. Nothing is lost by it."""

import argparse
import time
from pathlib import Path

from rpo.commands.status import check_output
from rpo.experiments.slurm.controller import ENDING, cancel, queue
from rpo.experiments.slurm.records import Records
from rpo.experiments.status import RUNNING, statuses


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="--output of rpo run")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0, 1 if something still runs."""
    check_output(args.output)
    records = Records(args.output)
    names = [submission.name for submission in records.submissions()]
    entries = queue(names)
    if entries:
        with records.cancelled({entry.name for entry in entries}):
            cancel(entries)
        tasks = f"{len(entries)} tasks are" if len(entries) > 1 else "1 task is"
        print(f"{tasks} cancelled; their runs end at their next epoch, or before")
        wait_for_the_end(names)
    held = [each for each in statuses(args.output, queue(names)) if each.state == RUNNING]
    for each in held:
        print(f"still running, end it there: {each.job.label} ({each.note})")
    print("The same `rpo run` continues where this stopped." if entries else "Nothing was queued.")
    return int(bool(held))


def wait_for_the_end(names: list[str]) -> None:
    """SLURM gives the processes a while."""
    end = time.time() + ENDING
    while queue(names) and time.time() < end:
        time.sleep(1)
