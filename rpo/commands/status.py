"""`rpo status`: what is finished, running, queued and failed in an output folder."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rpo.experiments.slurm.controller import Entry, queue
from rpo.experiments.slurm.records import Records
from rpo.experiments.status import FINISHED, QUEUED, RUNNING, STATES, Status, statuses

# Seconds between two looks, and tasks in the queue that are listed.
REFRESH, LISTED = 5.0, 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="--output of rpo run")
    parser.add_argument("--watch", action="store_true", help="refresh until nothing runs or waits")
    parser.add_argument("--all", action="store_true", help="list what is finished or queued, too")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0, also where something failed."""
    check_output(args.output)
    while True:
        entries, problem = entries_of(args.output)
        found = statuses(args.output, entries, not problem)
        if args.watch and sys.stdout.isatty():
            print("\033[2J\033[H", end="")
        print("\n".join(lines(args.output, found, entries, problem, args.all)), flush=True)
        if not args.watch or not any(each.state in (RUNNING, QUEUED) for each in found):
            return 0
        time.sleep(REFRESH)


def check_output(output: Path) -> None:
    """Raises FileNotFoundError for a folder that is not there."""
    if not output.is_dir():
        raise FileNotFoundError(f"there is no folder {output}; name that of rpo run --output")


def entries_of(output: Path) -> tuple[list[Entry], str]:
    """What SLURM has of the runs in its queue, and why that is not known, if it is not."""
    names = [submission.name for submission in Records(output).submissions()]
    try:
        return queue(names), ""
    except (OSError, ValueError) as error:
        return [], f"what is queued is not known: {error}"


def lines(
    output: Path, found: Sequence[Status], entries: Sequence[Entry], problem: str, everything: bool
) -> Iterator[str]:
    """What is printed: a summary, then what a user may want to act on."""
    count = Counter(each.state for each in found)
    said = ", ".join(f"{count[state]} {state}" for state in STATES if count[state])
    yield f"{len(found)} run{'s' if len(found) != 1 else ''} in {output}: {said or 'none'}"
    if problem:
        yield problem
    for state in STATES:
        those = [each for each in found if each.state == state]
        shown = those if everything or state not in (FINISHED, QUEUED) else those[:0]
        for each in shown:
            yield f"  {state}: {each.job.label}{f' ({each.note})' if each.note else ''}"
    yield from task_lines(output, entries)


def task_lines(output: Path, entries: Sequence[Entry]) -> Iterator[str]:
    """The array tasks in the queue, and how often they were interrupted."""
    for entry in entries[:LISTED]:
        said = Records(output).task(entry.name, entry.task)
        where = entry.node or entry.reason
        parts = [f"  task {entry.id}: {entry.state.lower()}", where if where != "None" else ""]
        if entry.reason == "BeginTime":
            parts.append("queued again")
            parts.append(f"starts at {entry.start}" if entry.start != "N/A" else "")
        if entry.node:
            parts.append(f"time left {entry.left}")
        restarts, timeouts = said.get("restarts", 0), said.get("timeouts", 0)
        if restarts:
            parts.append(
                f"timed out {timeouts} times, preempted {max(0, restarts - timeouts)} times"
            )
        yield ", ".join(filter(None, parts))
    if len(entries) > LISTED:
        yield f"  and {len(entries) - LISTED} more tasks"
