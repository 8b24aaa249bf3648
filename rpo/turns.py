"""Several runs in one process, a step of each in turn, each as if it were alone.

What one run has computed of CLIP's own pass over a batch is then at hand when the next run asks
for it (`rpo.methods.shared_pass`). Each run has a thread, of which one goes at a time, and its own
random numbers and standard output, so that its results are those it has alone, bit for bit.
"""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class _Run(threading.Thread):
    """One run, which goes from `go_on` to its next `pause`."""

    def __init__(self, task: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.task, self.state = task, _state()
        self.turn, self.paused = threading.Semaphore(0), threading.Semaphore(0)
        self.result: Any = None
        self.error: BaseException | None = None
        self.asked_to_end: BaseException | None = None
        self.over = False
        self.waited = 0.0

    def run(self) -> None:
        self.turn.acquire()
        try:
            self.check()
            self.result = self.task()
        except BaseException as error:  # whatever it is, the other runs go on
            self.error = error
        self.task = lambda: None  # a trainer holds images and a GPU's memory
        self.over = True
        self.paused.release()

    def go_on(self) -> None:
        """Returns when it pauses, or is over."""
        with _state_of(self):
            self.turn.release()
            self.paused.acquire()

    def pause(self) -> None:
        started = time.time()
        self.paused.release()
        self.turn.acquire()
        self.waited += time.time() - started
        self.check()

    def check(self) -> None:
        if self.asked_to_end is not None:
            raise self.asked_to_end


def in_turns(tasks: Sequence[Callable[[], Any]]) -> list[tuple[Any, BaseException | None]]:
    """The result of each task, or the exception that ended it.

    Raises:
        KeyboardInterrupt and the like, that come from outside, when all tasks have ended with it.
    """
    runs = [_Run(task) for task in tasks]
    for run in runs:
        run.start()
    try:
        _until_over(runs)
    except BaseException as error:
        for run in runs:
            run.asked_to_end = error
        _until_over(runs)
        raise
    return [(run.result, run.error) for run in runs]


def _until_over(runs: Sequence[_Run]) -> None:
    while going := [run for run in runs if not run.over]:
        for run in going:
            run.go_on()


def pause() -> None:
    """Lets the other runs take a step; without others nothing happens."""
    run = threading.current_thread()
    if isinstance(run, _Run):
        run.pause()


def are_taken() -> bool:
    """Whether this is one of several runs."""
    return isinstance(threading.current_thread(), _Run)


def clock() -> float:
    """Seconds, of which those that the other runs take do not count."""
    run = threading.current_thread()
    return time.time() - (run.waited if isinstance(run, _Run) else 0.0)


def _state() -> tuple[Any, ...]:
    """All that runs in one process would otherwise share."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    numbers = random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda
    return *numbers, sys.stdout, sys.stderr


def _restore(state: tuple[Any, ...]) -> None:
    python, numpy, cpu, cuda, sys.stdout, sys.stderr = state
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)


@contextmanager
def _state_of(run: _Run) -> Iterator[None]:
    """Everything is as the run left it; afterwards as it was before."""
    own = _state()
    _restore(run.state)
    try:
        yield
    finally:
        run.state = _state()
        _restore(own)
