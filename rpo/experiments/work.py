"""Jobs done one after the other, on one CLIP, or in turns.

What is imported here is imported once for all processes, so torch._dynamo is, which optimisers
need. OpenAI's clip is not: it asks for CUDA when it is imported, and no process forked after that
could use CUDA.
"""

import gc
import os
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import torch._dynamo
import torch.utils.tensorboard  # noqa: F401

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo import stopping
from rpo.cli import explain, is_input_error
from rpo.clip.load import keep_clip
from rpo.commands import train
from rpo.methods.shared_pass import sharing
from rpo.runs import (
    FINISHED,
    LOG,
    ConfigMismatchError,
    RunFolder,
    RunInUseError,
    forget_failure,
    note_failure,
)
from rpo.turns import in_turns

from .job import Job, Step
from .state import Splits, leftovers, parse_step, step_state
from .worker import IN_USE


def work(jobs: Sequence[Job], overwrite: bool = False) -> Iterator[str]:
    """What went wrong with each job, in turn; nothing where it went well.

    Jobs on the same batches are taken step by step, so that CLIP passes each batch once.
    """
    with keep_clip():
        if len(jobs) > 1 and len({job.batches() for job in jobs}) == 1:
            with sharing():
                yield from together(jobs, overwrite)
        else:
            for job in jobs:
                yield perform(job, overwrite)


def together(jobs: Sequence[Job], overwrite: bool) -> Iterator[str]:
    """What `perform` returns for each job, all of which are done in turns."""
    for problem, error in in_turns([partial(perform, job, overwrite) for job in jobs]):
        if error is not None:
            raise error
        yield problem


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
        if overwrite or step_state(job, step, Splits()) != FINISHED:
            log = f"\nlog: {_log_errors(step.folder)}"
            arguments = parse_step(step)
            arguments.overwrite = overwrite and step.trains
            train.run(arguments)
            gc.collect()  # a trainer refers to itself, and holds images and a GPU's memory
        for path in leftovers(step):
            path.unlink()
        forget_failure(RunFolder(step.folder))
    except RunInUseError:
        return IN_USE, ""
    except ConfigMismatchError as error:  # the run there has not failed
        return str(error), log
    except Exception as error:  # whatever it is, the other jobs go on
        stopping.check()  # the signal may have ended something that the run needs
        traceback.print_exc()
        note_failure(RunFolder(step.folder), describe(error)[-4000:])
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
