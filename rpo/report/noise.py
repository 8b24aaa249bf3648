"""What an accuracy must stand out from: guessing, and the few images that it was measured on."""

from collections.abc import Sequence
from math import hypot, sqrt
from statistics import fmean
from typing import NamedTuple

import pandas as pd

from rpo.report.statistics import BySeed, harmonic_mean


class Noise(NamedTuple):
    """In percent, None where nothing tells it.

    Attributes:
        error: the binomial standard error of one seed.
        chance: the accuracy of guessing.
    """

    error: float | None = None
    chance: float | None = None


class TestSet(NamedTuple):
    """How many classes and images; 0 where nothing tells."""

    classes: int = 0
    images: int = 0

    def noise(self, seeds: BySeed) -> Noise:
        """Of an accuracy on it."""
        chance = 100 / self.classes if self.classes else None
        known = seeds and self.images
        return Noise(binomial_error(fmean(seeds.values()), self.images) if known else None, chance)


def binomial_error(accuracy: float, images: int) -> float:
    """The standard error of one seed's accuracy that comes from the number of test images.

    Of n images that are each recognised with probability p, the share has the standard deviation
    sqrt(p (1 - p) / n); in percent.
    """
    share = accuracy / 100
    return 100 * sqrt(share * (1 - share) / images)


def known_test_sets(frame: pd.DataFrame) -> dict[tuple[str, str], TestSet]:
    """Those of every (dataset, classes)."""
    return {
        (dataset, classes): TestSet(
            max(len(content.get("class_names") or ()) for content in members["content"]),
            int(members["images"].max()),
        )
        for (dataset, classes), members in frame.groupby(["dataset", "classes"], observed=True)
    }


def harmonic_noise(base: BySeed, new: BySeed, on_base: Noise, on_new: Noise) -> Noise:
    """Of H of base and new: the error to first order, the chance level of guessing both."""
    if not (base and new):
        return Noise()
    one, other = fmean(base.values()), fmean(new.values())
    error = chance = None
    if on_base.error is not None and on_new.error is not None and one + other:
        error = 2 * hypot(other**2 * on_base.error, one**2 * on_new.error) / (one + other) ** 2
    if on_base.chance is not None and on_new.chance is not None:
        chance = harmonic_mean(on_base.chance, on_new.chance)
    return Noise(error, chance)


def mean_noise(noises: Sequence[Noise]) -> Noise:
    """Of an average of independent accuracies: errors add in squares."""
    errors = [noise.error for noise in noises if noise.error is not None]
    chances = [noise.chance for noise in noises if noise.chance is not None]
    whole = len(noises)
    return Noise(
        hypot(*errors) / whole if errors and len(errors) == whole else None,
        fmean(chances) if chances and len(chances) == whole else None,
    )
