"""What keeps jobs from starting, or from all of their evaluations. Looked at before the first."""

from collections.abc import Sequence
from typing import Any

from rpo.clip.load import check_backbone
from rpo.commands.train import build_config, check_data, check_training

from .job import Job
from .state import parse_step


def problems_of(jobs: Sequence[Job]) -> dict[str, list[Job]]:
    """Why some jobs cannot start, each reason with its jobs: data or weights are missing.

    Looked at once for what jobs have in common; missing weights are downloaded here, once.
    """
    found: dict[str, list[Job]] = {}
    known: dict[tuple[str, ...], str] = {}
    for job in jobs:
        cfg = build_config(parse_step(job.steps[0]))
        what = (cfg.DATASET.NAME, cfg.DATASET.FOLDER, cfg.DATASET.CSV, cfg.MODEL.BACKBONE.NAME)
        if what not in known:
            known[what] = problem_of(cfg)
        if problem := known[what] or (job.steps[0].trains and problem_of_training(cfg)):
            found.setdefault(problem, []).append(job)
    return found


def problem_of(cfg: Any) -> str:
    """What is missing for a run with this configuration; empty if nothing is."""
    try:
        check_data(cfg)
        if cfg.MODEL.BACKBONE.NAME:
            check_backbone(cfg.MODEL.BACKBONE.NAME)
    except (ImportError, OSError, ValueError) as error:
        return str(error)
    return ""


def problem_of_training(cfg: Any) -> str:
    """The same of a dataset that cannot be trained on."""
    try:
        check_training(cfg)
    except ValueError as error:
        return str(error)
    return ""


def problems_of_targets(jobs: Sequence[Job]) -> dict[str, str]:
    """Why jobs cannot be evaluated on some of the datasets that they were not trained on.

    Of a protocol with targets all jobs have the same, so each is looked at once, under its title.
    """
    steps = {step.shown: step for job in jobs for step in job.steps[1:]}
    found = {shown: problem_of(build_config(parse_step(step))) for shown, step in steps.items()}
    return {shown: problem for shown, problem in found.items() if problem}
