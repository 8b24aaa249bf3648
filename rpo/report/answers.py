"""What runs said of every test image, paired: the same seeds, the same images."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from rpo.hashes import of_data
from rpo.predictions import read_predictions
from rpo.report.frame import EXPERIMENT, Experiment, experiment_of
from rpo.report.names import clean, learns
from rpo.runs import PREDICTIONS

ANY = None  # the seed of what does not learn


class Answers(NamedTuple):
    """What a run said of its test images, in the order of their paths.

    Attributes:
        images: a digest of their paths and labels.
        right: whether its prediction is the label, (images,).
    """

    images: str
    right: np.ndarray


# By experiment, classes and seed.
AllAnswers: TypeAlias = Mapping[tuple[Experiment, str], Mapping[int | None, Answers]]


def read_answers(frame: pd.DataFrame, notes: list[str]) -> AllAnswers:
    """Of the runs that have predictions."""
    found: dict[tuple[Experiment, str], dict[int | None, Answers]] = {}
    lacking = 0
    for run in frame.itertuples():
        path = run.path.parent / PREDICTIONS
        experiment = experiment_of([getattr(run, name) for name in EXPERIMENT])
        if not run.content or not path.is_file():
            lacking += 1
            continue
        try:
            answers = answers_of(read_predictions(path), run.content["metrics"]["test"]["accuracy"])
        except ValueError as error:
            notes.append(clean(f"left out of the comparison: {error}"))
            continue
        seed = int(run.seed) if learns(run.method) else ANY
        found.setdefault((experiment, run.classes), {})[seed] = answers
    if lacking:
        some = f"{lacking} runs have" if lacking > 1 else "1 run has"
        left = "are" if lacking > 1 else "is"
        notes.append(f"{some} no {PREDICTIONS} and {left} left out of the comparison.")
    return found


def answers_of(predictions: Any, accuracy: float) -> Answers:
    """Raises ValueError if the accuracy is not that of the predictions."""
    order = np.argsort(predictions.paths, kind="stable")
    right = predictions.right[order]
    if abs(100 * right.mean() - accuracy) > 1e-6:
        raise ValueError(
            f"the accuracy is {accuracy} and that of {PREDICTIONS} {100 * right.mean()}; rpo "
            "verify tells more"
        )
    truths = predictions.paths[order].tolist(), predictions.labels[order].tolist()
    return Answers(of_data(truths), right)


def common_seeds(parts: Sequence[Mapping[int | None, Answers]]) -> list[int | None]:
    """Those that all have; what does not learn has its answers for any."""
    stated = [set(part) for part in parts if ANY not in part]
    if not stated:
        return [ANY] if parts else []
    return sorted(set.intersection(*stated), key=str)


def same_images(
    ours: Sequence[Mapping[Any, Answers]], theirs: Sequence[Mapping[Any, Answers]]
) -> bool:
    """Whether both were tested on the same images with the same labels."""
    return all(
        len({answers.images for part in both for answers in part.values()}) == 1
        for both in zip(ours, theirs, strict=True)
    )


def stacked(
    parts: Sequence[Mapping[int | None, Answers]], seeds: Sequence[int | None]
) -> list[np.ndarray]:
    """Of each part whether the answers are right, (seeds, images)."""
    return [
        np.stack([part[seed if seed in part else ANY].right for seed in seeds]) for part in parts
    ]
