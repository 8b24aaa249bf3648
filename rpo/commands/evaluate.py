"""`rpo eval`: finished runs, evaluated from what their folders hold. RPO's share one pass."""

import argparse
import contextlib
import copy
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from dassl.data.datasets import build_dataset
from dassl.engine import build_trainer
from dassl.evaluation import build_evaluator
from dassl.utils import load_checkpoint
from tqdm import tqdm

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.checkpoints import find_checkpoint, load_parameters
from rpo.clip.precision import autocast
from rpo.methods.rpo_stacked import StackedRPO
from rpo.runs import RESULTS, RunFolder, read_object
from rpo.trainers.evidence import check_weights, learnt_hashes
from rpo.trainers.origin import earlier_epoch, origin, read_config, use_data_below
from rpo.trainers.record import write_record
from rpo.trainers.rpo import RPO

# Runs that are evaluated together may differ in these alone.
OWN_KEYS = ("SEED", "OUTPUT_DIR", "RESUME")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="DIR", help="run folders of RPO, one a seed")
    parser.add_argument(
        "--classes",
        nargs="+",
        choices=("all", "base", "new"),
        default=["new"],
        help="evaluated one after the other (default: new)",
    )
    parser.add_argument(
        "--root",
        help="of the datasets, or of your own images (default: the first run's)",
    )
    parser.add_argument("--load-epoch", type=int, help="epoch to load (default: best, or newest)")


def run(args: argparse.Namespace) -> int:
    """Evaluates every run on every choice of classes; each gets its results.json."""
    configs = [read_rpo_config(Path(folder)) for folder in args.folders]
    check_same(configs, args.folders)
    for folder, classes in product(args.folders, args.classes):
        RunFolder(test_folder(Path(folder), classes)).check_epoch(epoch_in(folder, args.load_epoch))
    for classes in args.classes:
        evaluate(configs, args, classes)
    return 0


def epoch_in(folder: str, epoch: int | None) -> int | None:
    """That of the prompts which are evaluated; None after a whole training."""
    return earlier_epoch(folder, RPO.learner_name, epoch)


def read_rpo_config(folder: Path) -> Any:
    """The configuration that a run of RPO was made with.

    Raises:
        FileNotFoundError: the folder holds no run.json. ValueError: the run is not of RPO.
    """
    cfg = read_config(folder)
    if cfg.TRAINER.NAME != "RPO" or RPO.settings(cfg).masked:
        raise ValueError(
            f"{folder} is a run of {cfg.TRAINER.NAME}; only runs of RPO with read-only prompts and "
            "form cached can share a pass. Evaluate it with rpo train --eval-only"
        )
    if cfg.TEST.SPLIT != "test":
        raise ValueError(
            f"{folder} is a run with TEST.SPLIT {cfg.TEST.SPLIT}, and test images are measured "
            "here: its results on the others would be overwritten. Train what was chosen without it"
        )
    return cfg


def check_same(configs: Sequence[Any], folders: Sequence[str]) -> None:
    """Raises ValueError unless the runs differ in nothing but their seed and folder."""
    shared = [{key: cfg[key] for key in cfg if key not in OWN_KEYS} for cfg in configs]
    for folder, keys in zip(folders, shared, strict=True):
        if keys != shared[0]:
            raise ValueError(
                f"{folder} has another configuration than {folders[0]}: evaluate them separately"
            )


def evaluate(configs: Sequence[Any], args: argparse.Namespace, classes: str) -> None:
    """One pass over the test images for all runs."""
    cfg = configs[0].clone()
    cfg.DATASET.SUBSAMPLE_CLASSES = classes
    use_data_below(cfg, args.root)
    trainer = build_trainer(cfg)
    for folder in args.folders:
        check_weights(trainer, folder)
    learners = load_learners(trainer.model, args.folders, args.load_epoch)
    trainer.model = stack(trainer.model, learners).to(trainer.device)
    evaluators = [build_evaluator(cfg, lab2cname=trainer.lab2cname) for _ in configs]
    started = time.time()
    with torch.no_grad():
        for batch in tqdm(trainer.test_loader):
            images, labels = trainer.parse_batch_test(batch)
            with autocast(trainer.precision(), trainer.device):
                of_runs = trainer.model(images)
            for evaluator, logits in zip(evaluators, of_runs, strict=True):
                evaluator.process(logits, labels)
    trainer.seconds["test"] = time.time() - started
    for folder, own, learner, evaluator in zip(
        args.folders, configs, learners, evaluators, strict=True
    ):
        print(f"{folder}, {classes} classes")
        trainer.metrics = {"test": evaluator.evaluate()}
        trainer.details, trainer.outcome = {"test": evaluator.details}, evaluator.outcome
        trainer.trained_on, trainer.history = origin(own), []
        trainer.parameters_in, trainer._models = folder, {RPO.learner_name: learner}
        trainer.tested_epoch = epoch_in(folder, args.load_epoch)
        target = test_folder(Path(folder), classes)
        trainer.cfg = as_evaluated(own, cfg, target)
        same_sample = own.SEED == cfg.SEED
        dataset = trainer.dm.dataset if same_sample else build_dataset(trainer.cfg)
        cost = {} if len(configs) == 1 else cost_alone(target, learnt_hashes(trainer))
        write_record(trainer, RunFolder(target), dataset, **cost)
        print(f"written to {target / RESULTS}")


def cost_alone(folder: Path, learnt: dict[str, str]) -> dict[str, Any]:
    """Time and memory of a pass that several runs share are not those of one: these are from an
    earlier evaluation of the same parameters, or unknown.
    """
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        earlier = read_object(folder / RESULTS)
        if earlier["sha256"]["learnt"] == learnt:
            return {key: earlier[key] for key in ("seconds", "peak_mb")}
    return {"seconds": {}, "peak_mb": None}


def as_evaluated(own: Any, shared: Any, folder: Path) -> Any:
    """A run's configuration with the classes and dataset that it is evaluated on."""
    cfg = own.clone()
    cfg.DATASET, cfg.OUTPUT_DIR = shared.DATASET, str(folder)
    return cfg


def load_learners(model: Any, folders: Sequence[str], epoch: int | None) -> list[Any]:
    """What each run has learnt, in the form of a model's own learner."""
    learners = []
    for folder in folders:
        path = find_checkpoint(Path(folder) / RPO.learner_name, epoch)
        learner = copy.deepcopy(model.prompt_learner)
        load_parameters(learner, load_checkpoint(str(path)).get("state_dict"), path)
        learners.append(learner)
    return learners


def stack(model: Any, learners: Sequence[Any]) -> StackedRPO:
    """A model's CLIP and classes with the prompts of every run side by side."""
    return StackedRPO(model.clip, model.texts, learners, model.modality)


def test_folder(folder: Path, classes: str) -> Path:
    """Where the scripts put a run's evaluation: test_base or test_new in place of train_base."""
    if "train_base" not in folder.parts and "train_base" in folder.resolve().parts:
        folder = folder.resolve()
    parts = [f"test_{classes}" if part == "train_base" else part for part in folder.parts]
    return Path(*parts) if "train_base" in folder.parts else folder / f"test_{classes}"
