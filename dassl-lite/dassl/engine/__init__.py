"""Trainers and the folder that a run writes."""

from .base import TrainerBase
from .build import TRAINER_REGISTRY, build_trainer
from .run_folder import ConfigMismatchError, clear_run, run_state
from .simple_trainer import SimpleTrainer
from .trainer import TrainerX

__all__ = [
    "TRAINER_REGISTRY",
    "ConfigMismatchError",
    "SimpleTrainer",
    "TrainerBase",
    "TrainerX",
    "build_trainer",
    "clear_run",
    "run_state",
]
