"""Helpers that do not depend on any other part of dassl."""

from .atomic import atomic_path
from .checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from .logger import Logger, setup_logger
from .meters import AverageMeter, MetricMeter
from .random_state import capture_random_state, restore_random_state
from .registry import Registry, UnknownNameError, check_availability
from .resume import resume_from_checkpoint
from .tools import (
    check_isfile,
    collect_env_info,
    listdir_nohidden,
    mkdir_if_missing,
    read_image,
    read_json,
    set_random_seed,
    tolist_if_not,
    write_json,
)
from .torchtools import count_num_param, load_pretrained_weights, load_weights, open_all_layers

__all__ = [
    "AverageMeter",
    "CheckpointError",
    "Logger",
    "MetricMeter",
    "Registry",
    "UnknownNameError",
    "atomic_path",
    "capture_random_state",
    "check_availability",
    "check_isfile",
    "collect_env_info",
    "count_num_param",
    "listdir_nohidden",
    "load_checkpoint",
    "load_pretrained_weights",
    "load_weights",
    "mkdir_if_missing",
    "open_all_layers",
    "read_image",
    "read_json",
    "restore_random_state",
    "resume_from_checkpoint",
    "save_checkpoint",
    "set_random_seed",
    "setup_logger",
    "tolist_if_not",
    "write_json",
]
