"""How far a job is: what its folders hold, compared with what they should."""

import argparse
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.commands.train import add_arguments, build_config, split_now
from rpo.configurations import differences
from rpo.own_source import source_of
from rpo.registration import section_of
from rpo.runs import (
    FINISHED,
    INTERRUPTED,
    NEW,
    RESULTS,
    ConfigMismatchError,
    RunFolder,
    epoch_of,
    read_object,
)
from rpo.trainers.config import default_config, plain

from .job import Job, Step, evaluated


def parse_step(step: Step) -> argparse.Namespace:
    """The arguments of `rpo train`."""
    return _parser().parse_args(step.arguments)


@cache  # a protocol has thousands of steps
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser


class Splits:
    """SHA-256 of the datasets' splits, each read once, as a protocol has many runs."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], str | None] = {}

    def of(self, cfg: Any) -> str | None:
        """None where it is not known at once."""
        keys = ("NAME", "ROOT", "FOLDER", "CSV", "CLASS_NAMES", "HOLD_OUT")
        source = tuple(cfg.DATASET[key] for key in keys)
        if source not in self.known:
            self.known[source] = split_now(cfg)
        return self.known[source]


def job_state(job: Job, splits: Splits) -> str:
    """One of NEW, INTERRUPTED and FINISHED.

    Raises:
        ValueError: a folder holds a run of another configuration, whose keys are named, or on
            images that have changed since.
    """
    states = [step_state(job, step, splits) for step in job.steps]
    if set(states) == {FINISHED}:
        return INTERRUPTED if leftovers(job.steps[0]) else FINISHED
    return NEW if set(states) == {NEW} else INTERRUPTED


def step_state(job: Job, step: Step, splits: Splits) -> str:
    """The same of one step."""
    if not step.folder.is_dir():  # quick, as a protocol has thousands
        return NEW
    cfg = build_config(parse_step(step))
    compared = plain(cfg), section_of(cfg.TRAINER.NAME), plain(default_config())
    folder = RunFolder(step.folder)
    if step.trains:
        state = folder.state(*compared)
    else:
        state = _evaluation_state(compared, job.steps[0], step)
    if state != NEW:
        folder.check_split(splits.of(cfg))
    return state


def begun_with_other_source(jobs: Iterable[Job]) -> dict[type, list[Job]]:
    """The jobs of methods of one's own whose source has changed since, by the trainer."""
    found: dict[type, list[Job]] = {}
    sources: dict[str, str | None] = {}
    for job in jobs:
        trainer = TRAINER_REGISTRY.get(job.method)
        if job.method not in sources:
            sources[job.method] = source_of(trainer)
        folder = RunFolder(job.steps[0].folder)
        if sources[job.method] and folder.is_of_other_source(sources[job.method]):
            found.setdefault(trainer, []).append(job)
    return found


def _evaluation_state(compared: tuple[Any, ...], first: Step, step: Step) -> str:
    """FINISHED if the results are of this configuration, and not older than the training."""
    results = step.folder / RESULTS
    if not evaluated(first, step):
        return NEW
    stored = read_object(results).get("config") or {}
    config, section, defaults = compared
    different = differences(stored, config, section, defaults, of_training=False)
    if different:
        raise ConfigMismatchError(
            f"{step.folder} holds an evaluation with another configuration. Choose another "
            "--output or start anew with --overwrite. Different are:\n" + "\n".join(different)
        )
    return FINISHED


def leftovers(step: Step) -> list[Path]:
    """The checkpoints of a finished run that were kept only in case that it is interrupted."""
    folder = RunFolder(step.folder)
    stored = folder.stored() if step.trains else None
    if stored is None:
        return []
    asked = stored["config"].get("TRAIN", {}).get("CHECKPOINT_FREQ")
    if asked != 1 or build_config(parse_step(step)).TRAIN.CHECKPOINT_FREQ != 1:
        return []
    kept = {folder.newest_checkpoint(model) for model in folder.models()}
    kept |= {max(model.glob("model.pth.tar-*"), key=epoch_of) for model in folder.models()}
    return sorted(set(step.folder.glob("*/model.pth.tar-*")) - kept)
