"""Jobs done one after the other, with one CLIP.

What is imported here is imported once for all processes, so sklearn is, which tests need. OpenAI's
clip is not: it asks for CUDA when it is imported, and no process forked after that could use CUDA.
"""

import gc
import os
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import sklearn.metrics  # noqa: F401
import torch.utils.tensorboard  # noqa: F401

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.cli import explain, is_input_error
from rpo.clip.load import keep_clip
from rpo.commands import train
from rpo.runs import FINISHED, LOG, ConfigMismatchError, RunFolder, RunInUseError

from .job import Job, Step
from .state import leftovers, parse_step, step_state
from .worker import IN_USE


def work(jobs: Sequence[Job], overwrite: bool = False) -> Iterator[str]:
    """What went wrong with each job, in turn; nothing where it went well."""
    with keep_clip():
        for job in jobs:
            yield perform(job, overwrite)


def perform(job: Job, overwrite: bool = False) -> str:
    """Takes every step that is not finished. Returns what went wrong.

    An evaluation that fails does not keep the others from being made.
    """
    problems: dict[str, str] = {}
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
        RunFolder(step.folder).forget_failure()
    except RunInUseError:
        return IN_USE, ""
    except ConfigMismatchError as error:  # the run there has not failed
        return str(error), log
    except Exception as error:  # whatever it is, the other jobs go on
        traceback.print_exc()
        RunFolder(step.folder).note_failure(describe(error)[-4000:])
        return describe(error)[-4000:], log
    return "", ""


def describe(error: BaseException) -> str:
    """What the user is told: the message of bad input, the end of the traceback of all else."""
    if is_input_error(error):
        return explain(error)
    return "".join(traceback.format_exception(error)[-2:]).strip()


def _log_errors(folder: Path) -> Path:
    """Lets standard error, also that of libraries, end up in the log of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    return log
