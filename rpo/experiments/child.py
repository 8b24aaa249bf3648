"""A process of the pool: what it is told to do, and how it ended."""

import contextlib
import re
import signal
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rpo.runs import LOG, RunFolder, note_failure

from .devices import Slot
from .job import Job
from .worker import STOPPED, live

# How PyTorch, CUDA, Python and the kernel say it.
NO_MEMORY = re.compile("out of memory|allocate memory|ALLOC_FAILED", re.IGNORECASE)
KILLED_FOR_MEMORY = "out of memory: the system ended the process"


class Outcome(NamedTuple):
    """How a job ended: `error` is empty if it went well."""

    job: Job
    error: str
    seconds: float


class Child:
    """A process and what it has still to do; the first job of `left` is running."""

    def __init__(self, context: Any, jobs: Sequence[Job], slot: Slot, *rest: Any) -> None:
        self.left, self.slot, self.started = deque(jobs), slot, time.time()
        self.over = False
        self.kills_before = kills_for_memory()
        self.answer, sender = context.Pipe(duplex=False)
        self.process = context.Process(target=live, args=(sender, jobs, *rest))
        self.process.start()
        sender.close()

    def signs(self) -> list[Any]:
        """What can be waited for: an answer, and the end."""
        return [self.process.sentinel, *([self.answer] if self.left else [])]

    def ended(self, stopped: bool = False) -> list[Outcome]:
        """The jobs that have ended since the last call.

        Args:
            stopped: it was told to end, so that its end is no failure of the run.
        """
        self.over, found = not self.process.is_alive(), list[Outcome]()
        with contextlib.suppress(EOFError):
            while self.left and self.answer.poll():
                found.append(self._outcome(self.answer.recv()))
        if self.over and self.left and not (found and found[-1].error == STOPPED):
            said = self.exit_reason() if stopped else self.last_words(self.left[0])
            found.append(self._outcome(said))
        return found

    def _outcome(self, error: str) -> Outcome:
        started, self.started = self.started, time.time()
        return Outcome(self.left.popleft(), error, self.started - started)

    def exit_reason(self) -> str:
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"the process ended with exit status {code}"
        if -code == signal.SIGKILL and kills_for_memory() > self.kills_before:
            return KILLED_FOR_MEMORY
        with contextlib.suppress(ValueError):
            return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process was ended by signal {-code}"

    def last_words(self, job: Job) -> str:
        """What is said for a process that could say nothing, also in the folder of its run."""
        logs = [step.folder / LOG for step in job.steps]
        written = [(log.stat().st_mtime, log) for log in logs if log.is_file()]
        time_of_change, log = max(written, default=(0.0, Path()))
        if time_of_change < self.started:
            return self.exit_reason()
        note_failure(RunFolder(log.parent), self.exit_reason())
        return f"{self.exit_reason()}\nlog: {log}"

    def close(self) -> None:
        self.process.join()
        self.answer.close()


def kills_for_memory() -> int:
    """How many processes the kernel has ended because there was no memory left on this host."""
    with contextlib.suppress(OSError, AttributeError):
        return int(re.search(r"^oom_kill (\d+)", Path("/proc/vmstat").read_text(), re.M)[1])  # type: ignore[index]
    return 0
