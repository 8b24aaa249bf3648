"""Jobs in processes of their own, several at once: one that crashes takes no other with it."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from itertools import islice
from multiprocessing import connection, forkserver, resource_tracker
from typing import Any

from .child import NO_MEMORY, Child, Outcome
from .devices import Slot
from .job import Job
from .worker import IN_USE, STOPPED

SERVER = "rpo.experiments.server"  # what is imported once, before jobs are forked
# Seconds until a job that another command is doing is asked for again.
PATIENCE = 2.0


class Pool:
    """Runs jobs in their order, one process a slot.

    Args:
        group: jobs that a process does one after the other, on one CLIP.
        together: jobs that a process does in turns, if they train on the same batches.
        signals: with which `stop` asks the processes to end. Without them, they cannot be asked.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        overwrite: bool = False,
        group: int = 1,
        signals: Iterable[signal.Signals] = (),
        together: int = 1,
    ) -> None:
        self.slots, self.overwrite, self.group = deque(slots), overwrite, group
        self.together = together
        self.signals = tuple(signals)
        self.waiting, self.alone = deque[Job](), deque[Job]()
        self.running: list[Child] = []
        self.stopped = False

    def outcomes(self, jobs: Sequence[Job]) -> Generator[Outcome, None, None]:
        """Yields each job as it ends.

        One that another command is doing comes last: then it is finished, or its holder is gone.
        One that died of memory is tried once more, alone. Those that still run end when the
        iterator is closed.
        """
        self.context = _context(self.signals)
        self.waiting.extend(jobs)
        tried: set[Job] = set()
        try:
            while self._start():
                for outcome in self._ended():
                    if outcome.error in (IN_USE, STOPPED):
                        time.sleep(0 if self.waiting else PATIENCE)
                        self.waiting.append(outcome.job)
                    elif NO_MEMORY.search(outcome.error) and outcome.job not in tried:
                        tried.add(outcome.job)
                        self.alone.append(outcome.job)
                    else:
                        yield outcome
        finally:
            self.kill()
            for child in self.running:
                child.close()

    def _start(self) -> bool:
        """Fills the slots that are free. Returns whether anything runs."""
        while self.slots and not self.stopped and (jobs := self._next()):
            slot = self.slots.popleft()
            child = Child(self.context, jobs, slot, self.overwrite, slot, self.signals)
            self.running.append(child)
        return bool(self.running)

    def _next(self) -> list[Job]:
        """What the next process does; what is tried alone waits until all else has ended."""
        if self.waiting:
            first = self.waiting[0].batches()
            alike = [job for job in self.waiting if job.batches() == first][: self.together]
            if len(alike) < 2:
                alike = list(islice(self.waiting, self.group))
            for job in alike:
                self.waiting.remove(job)
            return alike
        return [self.alone.popleft()] if self.alone and not self.running else []

    def _ended(self) -> list[Outcome]:
        """Waits for an answer or an end; what has ended, but for what was stopped."""
        connection.wait([sign for child in self.running for sign in child.signs()])
        found = [outcome for child in self.running for outcome in child.ended(self.stopped)]
        for child in [each for each in self.running if each.over]:
            self.running.remove(child)
            self.slots.append(child.slot)
            self.waiting.extendleft(reversed(child.left))
            child.close()
        # A signal that ends a loader's worker looks like a failure of the job.
        return [outcome for outcome in found if not (self.stopped and outcome.error)]

    def stop(self, number: signal.Signals) -> None:
        """Asks those that run to end when their epoch is saved; no other starts."""
        self.stopped = True
        for child in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.process.pid, number)

    def kill(self) -> None:
        """Ends those that run; they go on from their last epoch another time."""
        self.stopped = True
        for child in self.running:
            child.process.kill()


def _context(signals: Iterable[signal.Signals]) -> Any:
    """Children are forked from a server that has imported everything, where there is one.

    The server, and until it listens a child, has these signals blocked, which would end it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([SERVER])
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        # Ctrl-C goes to all processes of a terminal; these leave it to the command, which ends
        # them. The tracker would be started with the server, and lift the block again before it.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *signals})
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return context
