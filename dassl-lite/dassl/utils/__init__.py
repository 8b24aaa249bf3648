"""Helpers that do not depend on any other part of dassl."""

from .checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_pretrained_weights,
    load_weights,
    resume_from_checkpoint,
    save_checkpoint,
)
from .logger import Logger, setup_logger
from .meters import AverageMeter, MetricMeter
from .registry import Registry, UnknownNameError, check_availability
from .tools import (
    atomic_path,
    capture_random_state,
    check_isfile,
    collect_env_info,
    listdir_nohidden,
    mkdir_if_missing,
    read_image,
    read_json,
    restore_random_state,
    set_random_seed,
    tolist_if_not,
    write_json,
)
from .torchtools import (
    count_num_param,
    init_network_weights,
    open_all_layers,
    open_specified_layers,
)

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
    "init_network_weights",
    "listdir_nohidden",
    "load_checkpoint",
    "load_pretrained_weights",
    "load_weights",
    "mkdir_if_missing",
    "open_all_layers",
    "open_specified_layers",
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
