"""What SLURM's own commands say: the queue, the partitions; and what they are told."""

import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Seconds that the controller has to answer, and that tasks which end have until they have.
PATIENCE, ENDING = 30.0, 90.0
# Why SLURM holds a task for good that a node could not start.
LAUNCH_FAILED = "launch failed requeued held"
LOCAL_NAMES = ("localhost", "127.0.0.1")


class Entry(NamedTuple):
    """A task in the queue.

    Attributes:
        id: as `scancel` takes it: 123_4, or 123 for what is no array.
        name: of the submission.
        task: its place in the array.
        state: PENDING, RUNNING, COMPLETING, ...
        reason, start: why it waits, and until when.
        node, left: where it runs, and how long it still may.
    """

    id: str
    name: str
    task: int
    state: str
    reason: str
    start: str
    node: str
    left: str


class Partition(NamedTuple):
    """A partition, as far as it matters for what may be asked of it.

    Attributes:
        limit: the longest time in minutes; None: there is none.
        cpus, gpus: of its largest nodes.
        local: whether all its nodes are this host.
    """

    name: str
    default: bool
    up: bool
    limit: int | None
    cpus: int
    gpus: bool
    local: bool


def ask(*command: str) -> str:
    """What a command of SLURM prints.

    Raises:
        FileNotFoundError: SLURM is not here. ConnectionError: its controller does not answer.
        ValueError: it refuses.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no SLURM here (no command {command[0]}): run this on a login node of a "
            "cluster, or without --on slurm"
        ) from None
    except subprocess.TimeoutExpired:
        raise _lost(command[0], f"no answer in {PATIENCE:.0f} s") from None
    if done.returncode == 0:
        return done.stdout
    said = reason(done.stderr) or f"exit status {done.returncode}"
    if any(word in said.lower() for word in ("contact", "connect", "communicat", "timed out")):
        raise _lost(command[0], said)
    raise ValueError(f"{command[0]} refuses: {said}")


def reason(text: str) -> str:
    """The line of an error that says why: the last that does not only name the help."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.startswith("Try ")), "")


def _lost(command: str, said: str) -> ConnectionError:
    return ConnectionError(
        f"SLURM's controller does not answer ({command}: {said}). Nothing is lost: the same "
        "command works once it is back"
    )


def queue(names: Iterable[str]) -> list[Entry]:
    """The tasks of submissions that wait, run or are ending."""
    if not (known := ",".join(names)):
        return []
    columns = "%i|%j|%K|%T|%r|%S|%N|%L"
    lines = ask("squeue", "--noheader", "--array", "--name", known, "--format", columns)
    return [_entry(line.split("|")) for line in lines.splitlines() if line]


def _entry(columns: Sequence[str]) -> Entry:
    job, name, task, state, *rest = (column.strip() for column in columns)
    return Entry(job, name, int(task) if task.isdecimal() else 0, state, *rest)


def settled_queue(names: Sequence[str]) -> list[Entry]:
    """The same, once no task is in between: one that ends is queued again, or gone."""
    patient_until = time.time() + ENDING
    while True:
        entries = queue(names)
        if time.time() > patient_until or all(each.state != "COMPLETING" for each in entries):
            return entries
        time.sleep(1)


def release(entries: Sequence[Entry]) -> list[Entry]:
    """Lets tasks wait again that SLURM holds because a node failed to start them; those tasks."""
    held = [entry for entry in entries if entry.reason == LAUNCH_FAILED]
    for entry in held:
        ask("scontrol", "release", entry.id)
    return held


def partitions() -> dict[str, Partition]:
    """Every partition by name."""
    columns = "%R|%P|%a|%l|%c|%G|%n|%o"
    found: dict[str, Partition] = {}
    for line in ask("sinfo", "--noheader", "--format", columns).splitlines():
        each = _partition(*(column.strip() for column in line.split("|")))
        other = found.get(each.name, each)
        found[each.name] = each._replace(
            cpus=max(each.cpus, other.cpus),
            gpus=each.gpus or other.gpus,
            local=each.local and other.local,
        )
    return found


def _partition(
    name: str, marked: str, up: str, limit: str, cpus: str, gres: str, host: str, address: str
) -> Partition:
    return Partition(
        name,
        default=marked.endswith("*"),
        up=up == "up",
        limit=None if limit in ("infinite", "n/a") else minutes(limit),
        cpus=int(cpus.rstrip("+") or 0),
        gpus="gpu" in gres,
        local=host == socket.gethostname().split(".")[0] or address in LOCAL_NAMES,
    )


def array_limit() -> int:
    """The most tasks an array may have, as the cluster is set up."""
    for line in ask("scontrol", "show", "config").splitlines():
        if line.startswith("MaxArraySize"):
            return max(1, int(line.rpartition("=")[2]) - 1)
    return 1000


def cancel(entries: Sequence[Entry]) -> None:
    """Ends tasks that wait or run."""
    arrays = {entry.id.partition("_")[0] for entry in entries}
    ask("scancel", *sorted(arrays))


def minutes(typed: str) -> int:
    """A time limit as sbatch takes it: 90, 90:00, 1:30:00, 1-12, 1-12:30, 1-12:30:00.

    Raises:
        ValueError: it is none of these.
    """
    days, dash, clock = typed.rpartition("-")
    try:
        parts = [int(part) for part in clock.split(":")]
        if dash:
            hours, mins, secs = (*parts, 0, 0)[:3]
        elif len(parts) < 3:
            hours, (mins, secs) = 0, (*parts, 0)[:2]
        else:
            hours, mins, secs = parts
        total = int(days or 0) * 24 * 60 + hours * 60 + mins + (secs > 0)
    except ValueError:
        total = 0
    if total < 1:
        raise ValueError(
            f'"{typed}" is no time limit; it can be 90 (minutes), 1:30:00 or 1-12:00:00'
        )
    return total
