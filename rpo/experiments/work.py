"""One job, in a process of its own: quiet, and gone when the command that started it is gone.

What is imported here is imported once for all jobs, so sklearn is, which tests need. OpenAI's clip
is not: it asks for CUDA when it is imported, and no process forked after that could use CUDA.
"""

import gc
import os
import sys
import threading
import traceback
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

import sklearn.metrics  # noqa: F401
import torch.utils.tensorboard  # noqa: F401

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.cli import explain, is_input_error
from rpo.clip.load import keep_clip
from rpo.commands import train
from rpo.runs import FINISHED, LOG, RunInUseError

from .jobs import Job, Step
from .state import leftovers, parse_step, step_state

# What a worker answers for a job that another command is doing.
IN_USE = "in use"


def work(answer: Any, job: Job, overwrite: bool, device: str | None) -> None:
    """The whole life of the process; `answer` is sent what went wrong, or nothing.

    Args:
        device: the value of CUDA_VISIBLE_DEVICES, None to leave it as it is.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    _silence()
    answer.send(perform(job, overwrite))


def perform(job: Job, overwrite: bool = False) -> str:
    """Takes every step that is not finished, with one CLIP. Returns what went wrong.

    An evaluation that fails does not keep the others from being made.
    """
    problems: dict[str, str] = {}
    with keep_clip():
        for step in job.steps:
            problem, log = attempt(job, step, overwrite)
            problems.setdefault(problem, log)  # what several have in common is said once
            if problem == IN_USE or problem and step.trains:
                break
    if IN_USE in problems:
        return IN_USE
    return "\n".join(problem + log for problem, log in problems.items() if problem)


def attempt(job: Job, step: Step, overwrite: bool) -> tuple[str, str]:
    """One `rpo train`, unless it is finished. Returns what went wrong, and where the log is."""
    log = ""
    try:
        if overwrite or step_state(job, step) != FINISHED:
            log = f"\nlog: {_log_errors(step.folder)}"
            arguments = parse_step(step)
            arguments.overwrite = overwrite and step.trains
            train.run(arguments)
            gc.collect()  # a trainer refers to itself, and holds images and a GPU's memory
        for path in leftovers(step):
            path.unlink()
    except RunInUseError:
        return IN_USE, ""
    except Exception as error:  # whatever it is, the other jobs go on
        traceback.print_exc()
        return describe(error)[-4000:], log
    return "", ""


def describe(error: BaseException) -> str:
    """What the user is told: the message of bad input, the end of the traceback of all else."""
    if is_input_error(error):
        return explain(error)
    return "".join(traceback.format_exception(error)[-2:]).strip()


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


def _log_errors(folder: Path) -> Path:
    """Lets standard error, also that of libraries, end up in the log of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    return log
