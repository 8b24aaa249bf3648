"""`rpo train`: the flags of every CoOp-style train.py, on any registered trainer and dataset."""

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY, build_trainer
from dassl.utils import collect_env_info, set_random_seed, setup_logger

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.configurations import flat
from rpo.experiments.files import find_config
from rpo.experiments.unread import say_unread
from rpo.own_source import say_changed, source_of
from rpo.registration import check_registered, section_of
from rpo.runs import FINISHED, LORA, RunFolder, locked, set_aside, settle
from rpo.trainers.config import default_config, follow_backbone, plain
from rpo.trainers.keys import check_keys
from rpo.trainers.merging import merge, merge_file, merge_options

# Option, the key it sets, what it is.
BACKBONE = (
    "backbone",
    "MODEL.BACKBONE.NAME",
    "CLIP: ViT-B/16, tiny, a checkpoint file, open_clip:MODEL/TAG, hf:ORGANISATION/NAME",
)
KEY_OPTIONS = (
    ("root", "DATASET.ROOT", "folder of the datasets (default: $DATA, then data)"),
    ("output-dir", "OUTPUT_DIR", "folder of this run"),
    ("resume", "RESUME", "folder of a checkpoint to resume from"),
    ("trainer", "TRAINER.NAME", "method: RPO, ZeroshotCLIP, ..."),
    BACKBONE,
    ("head", "MODEL.HEAD.NAME", "kept for compatibility"),
)
LIST_OPTIONS = (
    ("source-domains", "DATASET.SOURCE_DOMAINS", "kept for compatibility"),
    ("target-domains", "DATASET.TARGET_DOMAINS", "kept for compatibility"),
    ("transforms", "INPUT.TRANSFORMS", "names of the training transforms"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for option, _, help_text in KEY_OPTIONS:
        parser.add_argument(f"--{option}", help=help_text)
    for option, _, help_text in LIST_OPTIONS:
        parser.add_argument(f"--{option}", nargs="+", help=help_text)
    parser.add_argument("--seed", type=int, help="0 or more; negative: unseeded")
    parser.add_argument("--config-file", help="YAML of the method: a path, or RPO/main_K24")
    parser.add_argument("--dataset-config-file", help="YAML of the dataset: a path, or eurosat")
    parser.add_argument("--eval-only", action="store_true", help="evaluate what --model-dir holds")
    parser.add_argument("--model-dir", default="", help="run folder to load from, for --eval-only")
    parser.add_argument("--load-epoch", type=int, help="epoch to load (default: best, or newest)")
    parser.add_argument("--no-train", action="store_true", help="build everything, train nothing")
    parser.add_argument("--overwrite", action="store_true", help="start anew in a used folder")
    parser.add_argument("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="any key")


def build_config(args: argparse.Namespace, source: str = "the command line") -> Any:
    """Weakest first: defaults, dataset YAML, method YAML, named options, trailing pairs.

    Args:
        source: of the trailing pairs, for messages.
    """
    if args.trainer:  # before its keys are missed
        check_registered(TRAINER_REGISTRY, "trainer", args.trainer)
    cfg = default_config()
    cfg.DATASET.ROOT = os.environ.get("DATA") or "data"
    if args.dataset_config_file:
        merge_file(cfg, find_config("dataset", args.dataset_config_file), "dataset config")
    if args.config_file:
        merge_file(cfg, find_config("trainer", args.config_file), "trainer config")
    for option, key, _ in (*KEY_OPTIONS, *LIST_OPTIONS):
        value = getattr(args, option.replace("-", "_"))
        if value is not None:
            merge(cfg, [(key, value)], f"--{option}")
    if args.seed is not None:
        cfg.SEED = args.seed
    merge_options(cfg, args.opts, source)
    follow_backbone(cfg, args.opts[::2])
    check_names(cfg)
    check_keys(flat(cfg))
    trainer = TRAINER_REGISTRY.get(cfg.TRAINER.NAME)
    cfg.DATASET.UNDERSCORES = cfg.DATASET.UNDERSCORES or getattr(trainer, "underscores", "")
    cfg.freeze()
    return cfg


def check_names(cfg: Any) -> None:
    """Raises ValueError for a trainer or dataset that is not registered."""
    for kind, name, registry, option in (
        ("trainer", cfg.TRAINER.NAME, TRAINER_REGISTRY, "--trainer RPO"),
        ("dataset", cfg.DATASET.NAME, DATASET_REGISTRY, "--dataset-config-file eurosat"),
    ):
        if not name:
            raise ValueError(f"no {kind} is named: add one, as in {option}")
        check_registered(registry, kind, name)


def run(args: argparse.Namespace) -> int:
    """Trains and tests, or only tests. Returns the exit status.

    Raises:
        RunInUseError: another process is writing OUTPUT_DIR. ConfigMismatchError: it holds a run
        with another configuration, or on images that have changed since.
    """
    cfg = build_config(args)
    if args.eval_only:
        check_trained(cfg, args.model_dir)
    else:
        check_training(cfg)
        if args.model_dir or args.load_epoch is not None:
            said = "warning: --model-dir and --load-epoch say what --eval-only tests"
            print(said, file=sys.stderr)
    say_unread(args.opts[::2], [cfg])
    folder = RunFolder(cfg.OUTPUT_DIR)
    with locked(folder):
        anew = args.overwrite and not args.eval_only and not args.no_train
        if not anew and not is_free(folder, cfg, args):
            return 0
        if anew:
            set_aside(folder)
        try:
            carry_out(cfg, args)
            settle(folder, ended=True)
        finally:  # an overwritten run comes back if the new one has come to nothing
            settle(folder)
    return 0


def carry_out(cfg: Any, args: argparse.Namespace) -> None:
    """What every CoOp-style train.py does."""
    check_data(cfg)
    if cfg.SEED >= 0:
        print(f"Setting fixed seed: {cfg.SEED}")
        set_random_seed(cfg.SEED)
    setup_logger(cfg.OUTPUT_DIR)
    if torch.cuda.is_available() and cfg.USE_CUDA:
        torch.backends.cudnn.benchmark = True
    print(f"** Config **\n{cfg}\n** System info **\n{collect_env_info()}\n")
    trainer = build_trainer(cfg)
    with unreadable_images_explained(trainer):
        if args.eval_only:
            trainer.load_model(args.model_dir, epoch=args.load_epoch)
            trainer.test()
        elif not args.no_train:
            trainer.train()


@contextlib.contextmanager
def unreadable_images_explained(trainer: Any, checkable: bool = True) -> Iterator[None]:
    """Turns what a loader, or its worker with a traceback, raises into a sentence.

    Args:
        checkable: whether `rpo data check` could look through the images later.
    """
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        messages = re.findall(r'(?:Cannot read the image|No image file at) ".*', str(error))
        checked_by = getattr(trainer.dm.dataset, "checked_by", None)
        if not messages or not checked_by:
            raise
        hint = f". `{checked_by()}` names every such image" if checkable else ""
        raise ValueError(messages[-1] + hint) from error


def check_data(cfg: Any) -> None:
    """Raises FileNotFoundError, before anything long is printed, if the dataset is not there."""
    check = getattr(DATASET_REGISTRY.get(cfg.DATASET.NAME), "check_files", None)
    if check is not None:
        check(cfg)


def check_training(cfg: Any) -> None:
    """Raises ValueError for a dataset with test images alone, where something is to be learnt."""
    learns = getattr(TRAINER_REGISTRY.get(cfg.TRAINER.NAME), "learner_name", "")
    if learns and getattr(DATASET_REGISTRY.get(cfg.DATASET.NAME), "test_only", False):
        raise ValueError(
            f"{cfg.DATASET.NAME} is a test set: {cfg.TRAINER.NAME} would be trained on its images. "
            "Train on ImageNet and evaluate on it, as rpo run domain_generalization does"
        )


def check_trained(cfg: Any, model_dir: str) -> None:
    """Raises an error, before a log is opened, if there is nothing to be evaluated.

    With a method that learns nothing, nothing is looked for.

    Raises:
        ValueError: no folder is named. FileNotFoundError: it holds no checkpoint.
    """
    learner = getattr(TRAINER_REGISTRY.get(cfg.TRAINER.NAME), "learner_name", "")
    place = Path(model_dir)
    if learner and not model_dir:
        raise ValueError(
            f"--eval-only needs --model-dir, a folder of a training: {cfg.TRAINER.NAME} is tested "
            "with what it has learnt there"
        )
    if learner and not RunFolder(place).models() and not (place / LORA).is_file():
        raise FileNotFoundError(
            f"{model_dir} holds no checkpoint: {cfg.TRAINER.NAME} has not been trained there yet. "
            "Train it first, or give --model-dir the folder of a training"
        )


def split_now(cfg: Any) -> str | None:
    """SHA-256 of a dataset's split, which may change; None where it is not known at once."""
    split = getattr(DATASET_REGISTRY.get(cfg.DATASET.NAME), "split_now", None)
    return split(cfg) if split else None


def is_free(folder: RunFolder, cfg: Any, args: argparse.Namespace) -> bool:
    """Whether this run may write to its folder; says so if that holds this very run, finished."""
    state = folder.state(plain(cfg), section_of(cfg.TRAINER.NAME), plain(default_config()))
    if args.eval_only or args.no_train:
        return True
    trainer = TRAINER_REGISTRY.get(cfg.TRAINER.NAME)
    if folder.is_of_other_source(source_of(trainer)):
        say_changed(trainer, f"the run in {folder.path} was")
    if state != FINISHED:
        return True
    folder.check_split(split_now(cfg))
    print(
        f"{folder.path} holds this run already, finished; nothing was trained or overwritten. "
        "Add --overwrite to start anew"
    )
    return False
