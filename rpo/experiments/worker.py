"""The life of a process that does jobs: quiet, and gone when the command that started it is."""

import gc
import importlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from multiprocessing import connection, parent_process
from signal import Signals
from typing import Any

from rpo import stopping

from .job import Job

# What does the jobs. It imports PyTorch, so that the command itself need not.
WORK = "rpo.experiments.work"
# What a worker answers for a job that another command is doing, and for one that was stopped.
IN_USE, STOPPED = "in use", "stopped"


def live(
    answer: Any,
    jobs: Sequence[Job],
    overwrite: bool,
    device: str | None,
    signals: Iterable[Signals],
) -> None:
    """Sends to `answer`, for each job, what went wrong with it, or nothing.

    Args:
        device: the value of CUDA_VISIBLE_DEVICES, None to leave it as it is.
        signals: that ask it to stop after the epoch; they are blocked until here.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    _silence()
    # This process came from a server, and those that load data would, too: each would import
    # PyTorch anew, in every epoch. They start as they do in `rpo train` instead.
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    gc.freeze()  # the server's imports stay: the garbage collector need not look at them again
    try:
        stopping.listen(signals)
        for problem in importlib.import_module(WORK).work(jobs, overwrite):
            answer.send(problem)
            stopping.check()
    except stopping.Stopped:
        answer.send(STOPPED)


def _end_with_parent() -> None:
    """Waits for the end of the command, which may be killed, and ends with it."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _silence() -> None:
    """Nothing goes to the terminal: what is printed is written to the log by Dassl's logger."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
