"""What an array task does on its node: jobs in a pool, until they are done or the node is wanted.

Signals and clocks end it early. Its runs then stop when their epoch is saved, the task puts itself
into the queue again, and they go on from there. Killed at any moment instead, by a node that dies,
say, it loses one epoch at most, and SLURM queues it again by itself (--requeue).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submitit import JobEnvironment
from submitit.helpers import DelayedSubmission

from rpo.runs import RunFolder, note_failure, now

from ..devices import slots
from ..job import Job
from ..pool import Pool
from ..progress import Progress
from .records import Records

TIME_LIMIT, PREEMPTED, ENDED = "time limit", "preempted", "ended"
# submitit asks SLURM for this signal before the time limit; some clusters preempt with it.
WARNING = signal.Signals[f"SIG{JobEnvironment.USR_SIG}"]
# SLURM may send it so many seconds too early.
TOO_EARLY = 60
# Seconds that are kept for queueing the task again.
TO_REQUEUE = 15


@dataclass(frozen=True)
class Task:
    """The jobs of one array task; submitit calls it on a node.

    Attributes:
        output: that of `rpo run`.
        submission, index: which task it is.
        minutes: its time limit. submitit's default of 5, like its 2 on one host, never applies.
        warning: seconds before the limit at which it begins to stop.
        gpus, per_gpu: see `slots`; group: jobs a process.
        environment: what the command had set for its processes.
    """

    jobs: tuple[Job, ...]
    output: Path
    submission: str
    index: int
    minutes: int
    warning: float
    gpus: int
    per_gpu: int
    group: int
    environment: Mapping[str, str]

    def __call__(self) -> None:
        os.environ.update(self.environment)
        Attempt(self).run()

    def checkpoint(self) -> DelayedSubmission:
        """What submitit's own handler queues again, in the moment before ours is in place."""
        return DelayedSubmission(self)


class Attempt:
    """A task between two waits in the queue."""

    def __init__(self, task: Task) -> None:
        self.task, self.started = task, time.time()
        self.ends = self.started + task.minutes * 60
        self.records = Records(task.output)
        processes = max(1, task.gpus) * task.per_gpu
        self.pool = Pool(
            slots("auto", task.per_gpu, processes),
            group=task.group,
            signals=(signal.SIGTERM, WARNING),
        )
        self.reason = ""

    def run(self) -> None:
        """Ends with exit status 1 if a job failed, so that SLURM's own reports show it."""
        self.listen()
        self.record()
        before = epochs(self.task.jobs)
        progress = Progress(len(self.task.jobs), self.task.jobs, len(self.pool.slots))
        for outcome in self.pool.outcomes(self.task.jobs):
            print(progress.line(outcome), flush=True)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.reason == TIME_LIMIT and epochs(self.task.jobs) == before:
            self.give_up()
        elif self.reason in (TIME_LIMIT, PREEMPTED):
            self.requeue()
        if self.reason or progress.failed:
            sys.exit(1)

    # When to stop.

    def listen(self) -> None:
        """Takes the signals over from submitit.

        Its handler would leave in the middle of an epoch. It would also call a preemption a
        time-out wherever the limit is below ten minutes, and give up after three of these; here a
        clock tells them apart, and what is given up is a task that gets nowhere. And to queue a
        task again it removes the file with the task before it renames the new one, so that a task
        which is killed in between is lost; ours never changes.
        """
        signal.signal(signal.SIGTERM, self.end)
        signal.signal(WARNING, self.warn)
        signal.signal(signal.SIGALRM, self.approach_limit)
        signal.setitimer(signal.ITIMER_REAL, max(1.0, self.left() - self.task.warning))

    def left(self) -> float:
        """Seconds until the time limit."""
        return self.ends - time.time()

    def approach_limit(self, *_: Any) -> None:
        """The clock: first the wish to stop, then, if an epoch takes too long, the end."""
        if self.reason:
            self.pool.kill()
            return
        self.stop(TIME_LIMIT)
        signal.setitimer(signal.ITIMER_REAL, max(1.0, self.left() - TO_REQUEUE))

    def warn(self, *_: Any) -> None:
        """SLURM's warning: of the time limit, which our clock knows better, or a preemption."""
        if not self.reason and self.left() > self.task.warning + TOO_EARLY:
            self.stop(PREEMPTED)

    def end(self, *_: Any) -> None:
        """SLURM kills soon. It queues what it preempts itself, and what is cancelled is to end."""
        if self.reason in (TIME_LIMIT, PREEMPTED):
            self.pool.kill()  # there was a warning, and now there is no time left to wait
        else:
            self.stop(ENDED)

    def stop(self, reason: str) -> None:
        self.reason = self.reason or reason
        print(f"Stopping when the epoch is saved: {reason}", flush=True)
        self.pool.stop(signal.SIGTERM)

    # What then.

    def record(self, timeouts: int = 0) -> None:
        """Says where the task runs. SLURM counts its restarts; those that are no time-outs were
        preemptions, lost nodes, or somebody's `scontrol requeue`."""
        said = self.records.task(self.task.submission, self.task.index)
        content = {
            "job": JobEnvironment().job_id,
            "host": socket.gethostname(),
            "since": now(),
            "ends": self.ends,
            "restarts": int(os.environ.get("SLURM_RESTART_COUNT", 0)),
            "timeouts": said.get("timeouts", 0) + timeouts,
        }
        self.records.write_task(self.task.submission, self.task.index, content)

    def requeue(self) -> None:
        """Puts the task into the queue again, where SLURM lets it wait for about two minutes."""
        for each in (signal.SIGTERM, WARNING):  # of which the requeueing sends some
            signal.signal(each, signal.SIG_IGN)
        if self.records.is_cancelled(self.task.submission):
            return
        self.record(timeouts=int(self.reason == TIME_LIMIT))
        while self.left() > 1:
            done = subprocess.run(
                ["scontrol", "requeue", JobEnvironment().job_id], capture_output=True, text=True
            )
            if done.returncode == 0:
                return
            print(f"scontrol requeue: {done.stderr.strip()}", flush=True)  # SLURM may have done it
            time.sleep(2)

    def give_up(self) -> None:
        """A limit shorter than an epoch would let the task start for ever."""
        for job in self.task.jobs:
            for step in job.unfinished()[:1]:
                note_failure(
                    RunFolder(step.folder),
                    f"nothing was finished within the time limit of {self.task.minutes} min, not "
                    "even one epoch: give more by --time",
                )


def epochs(jobs: tuple[Job, ...]) -> int:
    """How much is done: epochs saved, and steps finished."""
    steps = [step for job in jobs for step in job.steps]
    left = sum(len(job.unfinished()) for job in jobs)
    return sum(len(RunFolder(step.folder).history()) for step in steps) + len(steps) - left
