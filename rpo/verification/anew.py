"""Test images evaluated anew, from the parameters, and compared one by one."""

import contextlib
import io
import random
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from dassl.data.data_manager import build_data_loader
from dassl.data.transforms import build_transform
from dassl.engine import build_trainer
from dassl.utils import set_random_seed

from rpo.clip import openai
from rpo.clip.load import weights_sha256
from rpo.runs import PREDICTIONS, epoch_of
from rpo.verification.run import DifferenceError, NotChecked, Run, require_equal
from rpo.verification.sources import checkpoints_of, configuration, whole_split

# What rounding on another machine may do to a probability; half precision rounds more.
TOLERANCE, HALF_TOLERANCE = 1e-3, 2e-2


def evaluate_anew(run: Run, count: int) -> str:
    """Some random test images, or all if there are no more, through the method as it was trained.

    Raises:
        NotChecked: dataset, backbone, parameters or predictions are not here.
        DifferenceError: an image has other probabilities; it is named.
    """
    if run.told("predictions") is None:
        raise NotChecked("there are no predictions to compare with")
    total = len(run.predictions.paths)
    chosen = sorted(random.SystemRandom().sample(range(total), min(count, total)))
    trainer = build(run)
    rounding = TOLERANCE if is_single(run, trainer) else HALF_TOLERANCE
    names = [str(run.predictions.paths[index]) for index in chosen]
    for index, anew in zip(chosen, probabilities_of(trainer, names), strict=True):
        compare(run, index, anew, rounding)
    return f"{len(chosen):,} of {total:,} test images have the probabilities that they had"


def build(run: Run) -> Any:
    """The run's trainer with the parameters that were tested; it writes nothing that is kept."""
    whole_split(run)  # says what is missing, before anything is built
    cfg = configuration(run)
    name = cfg.MODEL.BACKBONE.NAME
    if name in openai.SHA256 and not openai.weights_file(name).is_file():
        raise NotChecked(f"the weights of {name} are not here: {openai.weights_file(name)}")
    found = checkpoints_of(run) if run.told("learnt") else []
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        cfg.OUTPUT_DIR, cfg.RESUME, cfg.DATALOADER.NUM_WORKERS = scratch, "", 0
        if cfg.SEED >= 0:
            set_random_seed(cfg.SEED)
        try:
            trainer = build_trainer(cfg)
        except (FileNotFoundError, ImportError, ValueError) as error:
            raise NotChecked(str(error)) from error
        if found:
            epoch = epoch_of(found[0])
            trainer.load_model(str(found[0].parents[1]), epoch if epoch >= 0 else None)
    weights = weights_sha256(name, trainer.model.clip)
    require_equal("sha256.backbone", run.told("backbone"), weights, f"{name} has")
    trainer.set_model_mode("eval")
    return trainer


def is_single(run: Run, trainer: Any) -> bool:
    """Whether both evaluations computed in single precision."""
    return trainer.precision() == "fp32" and not str(run.record.get("device")).startswith("cuda")


@torch.no_grad()
def probabilities_of(trainer: Any, names: Sequence[str]) -> np.ndarray:
    """Of some test images, (images, classes).

    Raises:
        DifferenceError: a name is none of the test images'.
    """
    dataset, cfg = trainer.dm.dataset, trainer.cfg
    items = dict(zip(dataset.test_names, dataset.test, strict=True))
    if unknown := [name for name in names if name not in items]:
        raise DifferenceError(f"{unknown[0]} in {PREDICTIONS} is no test image of the dataset")
    with contextlib.redirect_stdout(io.StringIO()):
        transform = build_transform(cfg, is_train=False)
    loader = build_data_loader(
        cfg,
        data_source=[items[name] for name in names],
        batch_size=cfg.DATALOADER.TEST.BATCH_SIZE,
        tfm=transform,
        is_train=False,
    )
    scores = [trainer.model_inference(trainer.parse_batch_test(batch)[0]) for batch in loader]
    return torch.cat(scores).float().softmax(dim=1).cpu().numpy()


def compare(run: Run, index: int, anew: np.ndarray, rounding: float) -> None:
    """Raises DifferenceError if an image has, or prefers, other classes than were recorded."""
    made, names = run.predictions, run.record["class_names"]
    image, classes = made.paths[index], made.classes[index]
    for label, before in zip(classes, made.probabilities[index], strict=True):
        if not abs(before - anew[label]) <= rounding:
            raise DifferenceError(
                f"{image}: {names[label]!r} has the probability {before:.4f} in {PREDICTIONS} and "
                f"{anew[label]:.4f} now"
            )
    best = int(np.argmax(anew))
    if anew[best] > made.probabilities[index, 0] + rounding:
        raise DifferenceError(
            f"{image} is {names[classes[0]]!r} in {PREDICTIONS} and {names[best]!r} now"
        )
