"""Trainers and the folder that a run writes."""

from .base import TrainerBase
from .build import TRAINER_REGISTRY, build_trainer
from .run_folder import ConfigMismatchError, clear_run, run_state
from .trainer import SimpleTrainer, TrainerX, TrainerXU

__all__ = [
    "TRAINER_REGISTRY",
    "ConfigMismatchError",
    "SimpleTrainer",
    "TrainerBase",
    "TrainerX",
    "TrainerXU",
    "build_trainer",
    "clear_run",
    "run_state",
]
