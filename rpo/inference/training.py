"""Training for a classifier: by the very trainer of `rpo train`, and what it has learnt."""

import argparse
import contextlib
import io
import os
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from dassl.engine import TRAINER_REGISTRY, build_trainer
from dassl.utils import set_random_seed
from tqdm.auto import tqdm

from rpo.clip.load import absolute_name, image_size, load_clip, weights_sha256
from rpo.clip.preprocessing import Preprocessing
from rpo.commands.train import add_arguments, build_config, check_data, unreadable_images_explained
from rpo.environment import versions
from rpo.experiments.presets import read_preset
from rpo.experiments.unread import say_unread
from rpo.inference.images import Source
from rpo.inference.sources import dataset_options
from rpo.inference.trained import OF_THE_PROCESS, Description, Trained
from rpo.inference.training_images import (
    files_of,
    held_out,
    images_of_classes,
    say_fewer_images,
    say_test_part,
    say_warnings,
)
from rpo.methods.traits import known_traits
from rpo.registration import check_registered
from rpo.suggest import unknown

# Keys that others follow from, or that the classifier says itself: its parameter sets them all.
OF_PARAMETERS = {
    "DATASET.NUM_SHOTS": "shots",
    "SEED": "seed",
    "MODEL.BACKBONE.NAME": "backbone",
    "TRAINER.NAME": "method",
    "USE_CUDA": "device",
}


@dataclass(frozen=True)
class Plan:
    """What is to be trained; see `rpo.FewShotClassifier`."""

    method: str
    backbone: str
    config: str | None
    template: str | None
    shots: int
    seed: int
    device: torch.device
    precision: str
    options: Mapping[str, Any]


class Training(NamedTuple):
    """What a training gives: what was learnt, from which files, and image and label of those that
    were held out, if they were wanted."""

    trained: Trained
    files: set[str]
    held_out: list[tuple[Source, int]]


def train(plan: Plan, images: Any, labels: Any, progress: bool, hold_out: bool = False) -> Training:
    """Trains on labelled images, in a scratch folder; the random state is left as it was.

    In several threads, one after the other.

    Args:
        images, labels: see `rpo.inference.sources.dataset_options`.
        progress: whether a bar is shown.
        hold_out: whether images are wanted that were not trained on.

    Raises:
        ValueError, FileNotFoundError: of the images, names, keys or values.
    """
    log = io.StringIO()
    with OF_THE_PROCESS, tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(log):
        scratch = Path(name)
        with cache_in(scratch), random_state_kept():
            cfg = configuration(plan, dataset_options(images, labels, scratch), scratch / "run")
            check_data(cfg)
            set_random_seed(cfg.SEED)
            trainer = build_trainer(cfg)
            if progress:
                say_unread(plan.options, [cfg])
                say_warnings(log.getvalue())
                say_fewer_images(trainer)
                say_test_part(trainer)
            kept = held_out(trainer, plan.seed, scratch) if hold_out else []
            listed_here = scratch in trainer.dm.dataset.source().parents
            learns = known_traits()[plan.method].learns
            with unreadable_images_explained(trainer, not listed_here), shown(trainer, progress):
                if learns:
                    trainer.train()
        return Training(trained(trainer), files_of(trainer) if learns else set(), kept)


def configuration(plan: Plan, dataset: Sequence[str], output: Path) -> Any:
    """The configuration, as `rpo train` reads it from a command line.

    Raises:
        ValueError: there is no such method, or a value cannot work. KeyError: no such key.
    """
    check_method(plan.method)
    check_seed(plan.seed)
    check_options(plan.options)
    size = image_size(load_clip(plan.backbone, plan.precision))
    own = {"TEMPLATE": plan.template or "", "NUM_SHOTS": plan.shots, "HOLD_OUT": False}
    pairs = [*dataset, *(part for key, value in own.items() for part in (f"DATASET.{key}", value))]
    pairs += ["INPUT.SIZE", size, "TEST.NO_TEST", True]
    pairs += ["DATALOADER.NUM_WORKERS", 0, "USE_CUDA", plan.device.type == "cuda"]
    trainer = TRAINER_REGISTRY.get(plan.method)
    if trainer.has_precision:
        pairs += [f"TRAINER.{trainer.section}.PREC", plan.precision]
    for name, value in trainer.without_validation.items():
        pairs += [f"TRAINER.{trainer.section}.{name}", value]
    pairs += [part for pair in plan.options.items() for part in pair]
    arguments = ["--trainer", plan.method, "--backbone", plan.backbone, "--seed", str(plan.seed)]
    arguments += ["--config-file", config_file(plan), "--dataset-config-file", "imagefolder"]
    command_line = argparse.ArgumentParser()
    add_arguments(command_line)
    args = command_line.parse_args([*arguments, "--output-dir", str(output)])
    args.opts = pairs
    return build_config(args, "options")


def check_method(name: str) -> None:
    """Raises ValueError, with the nearest name, for a method that there is none of."""
    if name not in known_traits():
        raise ValueError(unknown("method", name, known_traits()))
    check_registered(TRAINER_REGISTRY, "trainer", name)


def check_seed(seed: Any) -> None:
    """Raises ValueError for a seed that none of Python, NumPy and PyTorch could take."""
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from 0 to 2**32 - 1")


def check_options(options: Mapping[str, Any]) -> None:
    """Raises ValueError for a key that says again, and too late, what a parameter has said; and for
    what are no keys and values."""
    if not isinstance(options, Mapping):
        raise ValueError(f"options are a dictionary of keys and values, and this is {options!r}")
    for key in OF_PARAMETERS.keys() & options.keys():
        name = OF_PARAMETERS[key]
        raise ValueError(f"{key} is no key of options here: give --{name}, in Python {name}=")


def config_file(plan: Plan) -> str:
    """The method's YAML file: the one asked for, or that of the published settings."""
    if plan.config and plan.config.endswith((".yaml", ".yml")):
        return plan.config
    preset = read_preset("tiny" if plan.backbone == "tiny" else "rpo-paper")
    name = plan.config or preset.config(plan.method) or preset.only_config(plan.method)
    return f"{plan.method}/{name}"


@contextlib.contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Keeps few-shot samples there: a fit leaves nothing behind, and depends on no fit before."""
    before = os.environ.get("RPO_CACHE")
    os.environ["RPO_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["RPO_CACHE"]
        else:
            os.environ["RPO_CACHE"] = before


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Gives Python, NumPy and PyTorch back the random state that they had."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextlib.contextmanager
def shown(trainer: Any, progress: bool) -> Iterator[None]:
    """A bar over all training steps, with the loss."""
    if not hasattr(trainer, "forward_backward") or not progress:
        yield
        return
    step = trainer.forward_backward
    total = trainer.max_epoch * len(trainer.train_loader_x)
    with tqdm(total=total, desc=f"Training {trainer.cfg.TRAINER.NAME}", unit="step") as bar:

        def counted(batch: Any) -> Any:
            values = step(batch)
            bar.set_postfix(loss=f"{values['loss']:.3f}", refresh=False)
            bar.update()
            return values

        trainer.forward_backward = counted
        yield


def trained(trainer: Any) -> Trained:
    """What a trainer has learnt, with all that is needed to use it without Dassl."""
    cfg, dataset = trainer.cfg, trainer.dm.dataset
    description = describe(cfg, type(trainer), dataset, dataset.classnames, trainer.precision())
    if known_traits()[description.method].learns:
        counts = images_of_classes(trainer)
        used = {"images_per_class": [min(counts), max(counts)]}
        description = replace(description, trained_on={**description.trained_on, **used})
    state = trainer.model.learner().state_dict()
    return Trained(description, {name: each.detach().cpu().clone() for name, each in state.items()})


def describe(
    cfg: Any, trainer: Any, dataset: Any, names: Sequence[str], precision: str
) -> Description:
    """The description of what a configuration trains.

    Args:
        trainer: its class. dataset: the dataset or its class.
    """
    settings = trainer.settings(cfg)
    return Description(
        method=cfg.TRAINER.NAME,
        settings=vars(settings),
        backbone=absolute_name(cfg.MODEL.BACKBONE.NAME),
        backbone_sha256=weights_sha256(cfg.MODEL.BACKBONE.NAME),
        precision=precision,
        class_names=list(names),
        class_inputs=trainer.inputs(cfg, dataset, names),
        templates=trainer.templates(cfg, dataset),
        underscores=cfg.DATASET.UNDERSCORES or trainer.underscores,
        preprocessing=Preprocessing(
            size=tuple(cfg.INPUT.SIZE),
            mean=tuple(cfg.INPUT.PIXEL_MEAN),
            std=tuple(cfg.INPUT.PIXEL_STD),
            interpolation=cfg.INPUT.INTERPOLATION,
            resize=cfg.INPUT.get("RESIZE", "shortest"),
        ),
        trained_on={"shots": cfg.DATASET.NUM_SHOTS, "seed": cfg.SEED},
        versions=versions(),
    )
