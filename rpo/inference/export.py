"""What a run folder holds, as a trained method."""

import argparse
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY, build_dataset
from dassl.engine import TRAINER_REGISTRY
from dassl.utils import load_checkpoint

import rpo
from rpo.checkpoints import clip_names, find_checkpoint, load_parameters
from rpo.clip.load import load_clip
from rpo.commands.train import add_arguments, build_config
from rpo.inference.trained import (
    BackboneMismatchError,
    Description,
    Trained,
    check_class_names,
    random_numbers_kept,
)
from rpo.inference.training import describe
from rpo.runs import RESULTS, RUN, RunFolder, epoch_of, read_object
from rpo.trainers.origin import as_configuration, earlier_epoch, read_config, use_data_below


def configuration_of(folder: Path, args: argparse.Namespace) -> Any:
    """The configuration that a run was made with or, of released parameters, that of a YAML file.

    Raises:
        FileNotFoundError: the folder holds no run.
    """
    if args.released:
        command_line = argparse.ArgumentParser()
        add_arguments(command_line)
        named = ["--trainer", args.config_file.partition("/")[0], "--config-file", args.config_file]
        if args.dataset_config_file:
            named += ["--dataset-config-file", args.dataset_config_file]
        elif args.classes:  # a dataset without properties, which is none
            named += ["DATASET.NAME", "ImageFolder"]
        cfg = build_config(command_line.parse_args(named))
        cfg.defrost()
        if not args.dataset_config_file:
            cfg.DATASET.NAME = ""
    elif RunFolder(folder).stored():
        cfg = read_config(folder)
    elif "config" in (results := _results(folder)):  # a method that learns nothing leaves no more
        cfg = as_configuration(results["config"], str(folder / RESULTS))
    else:
        raise FileNotFoundError(
            f"{folder} holds no run: there is no {RUN} in it. For parameters that others released "
            "add --released, with --config-file and --dataset-config-file or --classes"
        )
    if args.backbone:
        cfg.MODEL.BACKBONE.NAME = args.backbone
    use_data_below(cfg, args.root)
    return cfg


def trained_of(
    folder: Path, cfg: Any, names: Sequence[str] | None = None, epoch: int | None = None
) -> Trained:
    """A run's parameters and their description.

    Args:
        names: of the classes; None: those of the run.
        epoch: of the checkpoint; None: the best or the newest.

    Raises:
        FileNotFoundError: there is no checkpoint. ValueError: the parameters are not of this
            method, backbone or, where each class has its own, of these classes.
    """
    trainer = TRAINER_REGISTRY.get(cfg.TRAINER.NAME)
    results = _results(folder)
    own = results.get("class_names") or (None if names else _classes_on_disk(cfg))
    first = list(own or names or [])
    check_class_names(first)
    path = checkpoint_in(folder, trainer, results, epoch)  # before weights are fetched for nothing
    precision = cfg.TRAINER[trainer.section].PREC if trainer.has_precision else "fp16"
    dataset = DATASET_REGISTRY.get(cfg.DATASET.NAME) if cfg.DATASET.NAME else None
    description = describe(cfg, trainer, dataset, first, precision)
    if own and names and list(names) != first:
        description = description.for_classes(names)
    check_weights(folder, description, results)
    clip = load_clip(description.backbone, "fp32")
    with random_numbers_kept():
        kind = getattr(rpo, description.method)
        learner = kind(clip, description.class_inputs, **description.settings).learner()
    if path:
        tested = earlier_epoch(folder, trainer.learner_name, epoch)
        if tested != results.get("epoch"):
            results = {}  # which are those of other parameters
        ignored = clip_names(clip) | set(kind.unused)
        load_parameters(learner, load_checkpoint(str(path)).get("state_dict"), path, ignored)
    match results:
        case {
            "metrics": {"test": {"accuracy": float() as percent}},
            "dataset": str() as title,
            "classes": str() as classes,
        } if not (own and names):
            measured = f"the test images of {title}, {classes} classes"
            accuracy = {"percent": percent, "measured_on": measured}
            if count := (results.get("images") or {}).get("test"):
                accuracy["images"] = count
            description = replace(description, accuracy=accuracy)
    return Trained(description, {name: each.cpu() for name, each in learner.state_dict().items()})


def checkpoint_in(
    folder: Path, trainer: Any, results: Mapping[str, Any], epoch: int | None
) -> Path | None:
    """The file with what a run has learnt; None of a method that learns nothing.

    Raises: as `trained_of`.
    """
    if not trainer.learner_name:
        return None
    check_trained_here(folder, results)
    check_finished(RunFolder(folder), epoch)
    return find_checkpoint(folder / trainer.learner_name, epoch)


def check_weights(folder: Path, description: Description, results: Mapping[str, Any]) -> None:
    """Raises BackboneMismatchError for another CLIP than the one that the run was trained on."""
    trained_with = (RunFolder(folder).stored() or {}).get("backbone")
    wanted = trained_with or (results.get("sha256") or {}).get("backbone")
    if wanted and wanted != description.backbone_sha256:
        raise BackboneMismatchError(
            f"the run in {folder} was trained on a backbone with SHA-256 {wanted}, and "
            f"{description.backbone} has {description.backbone_sha256}"
        )


def check_finished(folder: RunFolder, epoch: int | None) -> None:
    """Raises ValueError for a training that has not come to its end, unless an epoch is named."""
    stored = folder.stored()
    if stored is None or stored.get("finished") or epoch is not None:
        return
    learnt = [folder.newest_checkpoint(model) for model in folder.models()]
    newest = max((epoch_of(path) for path in learnt if path), default=-1)
    raise ValueError(
        f"the training in {folder.path} has not finished: the command that began it continues it"
        + (f", and --load-epoch {newest} takes what it has learnt so far" if newest > 0 else "")
    )


def check_trained_here(folder: Path, results: Mapping[str, Any]) -> None:
    """Raises FileNotFoundError, with the run to export instead, for an evaluation's folder."""
    source = results.get("parameters_in")
    if isinstance(source, str) and source != "." and not RunFolder(folder).models():
        trained = os.path.normpath(folder / source)
        raise FileNotFoundError(
            f"{folder} is an evaluation, without parameters of its own; what it evaluated is in "
            f"{trained}: rpo export {shlex.quote(trained)}"
        )


def _results(folder: Path) -> dict[str, Any]:
    """Of the run's own test; empty where there was none. Raises ValueError if it is damaged."""
    path = folder / RESULTS
    return read_object(path) if path.is_file() else {}


def _classes_on_disk(cfg: Any) -> list[str]:
    """The class names of the dataset, which says itself where it is missing."""
    if not cfg.DATASET.NAME:
        raise ValueError("which classes? Give --classes, or --dataset-config-file and --root")
    return list(build_dataset(cfg).classnames)
