"""How far a job is: what its folders hold, compared with what they should."""

import argparse
import json
from pathlib import Path
from typing import Any

from rpo.commands.train import add_arguments, build_config
from rpo.results import FILE_NAME

from .jobs import Job, Step

try:
    from dassl.engine.run_folder import ConfigMismatchError, clear_run, differences, run_state
except ImportError as error:
    raise ImportError(
        "rpo run needs dassl-lite, which continues an interrupted run exactly; with the original "
        "Dassl, use the scripts"
    ) from error

__all__ = ["FINISHED", "INTERRUPTED", "NEW", "clear_run", "job_state", "leftovers", "parse_step"]
NEW, INTERRUPTED, FINISHED = "new", "interrupted", "finished"


def parse_step(step: Step) -> argparse.Namespace:
    """The arguments of `rpo train`."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(step.arguments)


def job_state(job: Job) -> str:
    """One of NEW, INTERRUPTED and FINISHED.

    Raises:
        ValueError: a folder holds a run of another configuration; the differing keys are named.
    """
    states = [step_state(job, step) for step in job.steps]
    if set(states) == {FINISHED}:
        return INTERRUPTED if leftovers(job.steps[0]) else FINISHED
    return NEW if set(states) == {NEW} else INTERRUPTED


def step_state(job: Job, step: Step) -> str:
    """The same of one step."""
    if not step.folder.is_dir():  # quick, as a protocol has thousands
        return NEW
    cfg = build_config(parse_step(step))
    return run_state(cfg) if step.trains else _evaluation_state(cfg, job.steps[0], step)


def _evaluation_state(cfg: Any, first: Step, step: Step) -> str:
    """FINISHED if the results are of this configuration, and not older than the training."""
    results, run = step.folder / FILE_NAME, first.folder / "run.json"
    if not results.is_file():
        return NEW
    if first.trains and not (run.is_file() and _age(results) >= _age(run)):
        return NEW
    different = differences(json.loads(results.read_text(encoding="utf-8"))["config"], cfg)
    if different:
        raise ConfigMismatchError(
            f"{step.folder} holds an evaluation with another configuration. Choose another "
            "--output or start anew with --overwrite. Different are:\n" + "\n".join(different)
        )
    return FINISHED


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def leftovers(step: Step) -> list[Path]:
    """The checkpoints of a finished run that were kept only in case that it is interrupted."""
    run = step.folder / "run.json"
    if not step.trains or not run.is_file():
        return []
    cfg = build_config(parse_step(step))
    asked = json.loads(run.read_text(encoding="utf-8"))["config"]["TRAIN"]["CHECKPOINT_FREQ"]
    if asked != 1 or cfg.TRAIN.CHECKPOINT_FREQ != 1:
        return []
    kept = {path.parent / path.read_text().strip() for path in step.folder.glob("*/checkpoint")}
    return sorted(set(step.folder.glob("*/model.pth.tar-*")) - kept)
