"""Jobs in processes of their own, several at once: one that crashes takes no other with it."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Sequence
from multiprocessing import connection, forkserver, resource_tracker
from pathlib import Path
from typing import Any, NamedTuple

import torch

from rpo.runs import LOG

from .jobs import Job
from .work import IN_USE, work

Slot = str | None
# Seconds until a job that another command is doing is asked for again.
PATIENCE = 2.0


class Outcome(NamedTuple):
    """How a job ended: `error` is empty if it went well."""

    job: Job
    error: str
    seconds: float


class Child:
    """A running job."""

    def __init__(self, context: Any, job: Job, overwrite: bool, slot: Slot) -> None:
        self.job, self.slot, self.started = job, slot, time.time()
        self.answer, sender = context.Pipe(duplex=False)
        arguments = (sender, job, overwrite, slot)
        self.process = context.Process(target=work, args=arguments)
        self.process.start()
        sender.close()

    def outcome(self) -> Outcome:
        """After the process has ended."""
        self.process.join()
        error = _exit_reason(self.process.exitcode) + self.newest_log()
        with contextlib.suppress(EOFError):  # it had no chance to say anything
            if self.answer.poll():
                error = self.answer.recv()
        self.answer.close()
        return Outcome(self.job, error, time.time() - self.started)

    def newest_log(self) -> str:
        """The log that a process without last words wrote to."""
        logs = [step.folder / LOG for step in self.job.steps]
        written = [(log.stat().st_mtime, log) for log in logs if log.is_file()]
        time_of_change, log = max(written, default=(0.0, Path()))
        return f"\nlog: {log}" if time_of_change >= self.started else ""

    def end(self) -> None:
        self.process.terminate()
        self.process.join()


def outcomes(
    jobs: Sequence[Job], processes: int, overwrite: bool
) -> Generator[Outcome, None, None]:
    """Runs the jobs in their order, at most `processes` at once; yields each as it ends.

    One that another command is doing comes last: then it is finished, or its holder is gone. Those
    that still run end when the iterator is closed.
    """
    context = _context()
    waiting, running = deque(jobs), dict[int, Child]()
    slots = deque(_slots(processes))
    try:
        while waiting or running:
            while waiting and slots:
                child = Child(context, waiting.popleft(), overwrite, slots.popleft())
                running[child.process.sentinel] = child
            for sentinel in connection.wait(list(running)):
                child = running.pop(sentinel)  # type: ignore[arg-type]
                slots.append(child.slot)
                outcome = child.outcome()
                if outcome.error == IN_USE:
                    time.sleep(0 if waiting else PATIENCE)
                    waiting.append(outcome.job)
                else:
                    yield outcome
    finally:
        for child in running.values():
            child.end()


def _context() -> Any:
    """Children are forked from a server that has imported everything, where there is one."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__module__])
    # Ctrl-C goes to all processes of a terminal; these leave it to the command, which ends them.
    # The tracker would be started with the server, and lift the block again before it.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return context


def _slots(processes: int) -> list[Slot]:
    """A CUDA device for each process, in turn; None where there is no choice."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    devices = [each for each in visible.split(",") if each]
    devices = devices or [str(index) for index in range(torch.cuda.device_count())]
    if len(devices) < 2:
        return [None] * processes
    return [devices[index % len(devices)] for index in range(processes)]


def _exit_reason(code: int | None) -> str:
    if code is None or code >= 0:
        return f"the process ended with exit status {code}"
    with contextlib.suppress(ValueError):
        hint = " (is there enough memory?)" if -code == signal.SIGKILL else ""
        return f"the process was ended by {signal.Signals(-code).name}{hint}"
    return f"the process was ended by signal {-code}"
