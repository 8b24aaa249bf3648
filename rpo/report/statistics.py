"""Mean, spread and harmonic mean of accuracies, and what an accuracy must stand out from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import hypot, sqrt
from statistics import fmean, pstdev, stdev
from typing import NamedTuple, TypeAlias

# Accuracies in percent of the seeds of one experiment on the same classes.
BySeed: TypeAlias = Mapping[int, float]


class Summary(NamedTuple):
    """Some numbers in short.

    Attributes:
        std: population standard deviation, as in the papers and in Dassl's parse_test_res.py.
        ci95: half of Student's 95 % confidence interval of the mean; None for a single number.
        n: how many numbers.
    """

    mean: float
    std: float
    ci95: float | None
    n: int
    low: float
    high: float

    @property
    def error(self) -> float:
        """The standard error of the mean; 0 of a single number, which does not tell it."""
        return self.std / sqrt(self.n - 1) if self.n > 1 else 0.0


def summarise(values: Iterable[float]) -> Summary | None:
    """The summary of some numbers, None if there are none."""
    numbers = list(values)
    if not numbers:
        return None
    interval = confidence_interval(numbers) if len(numbers) > 1 else None
    spread = pstdev(numbers)
    return Summary(fmean(numbers), spread, interval, len(numbers), min(numbers), max(numbers))


def average(datasets: Collection[BySeed]) -> Summary | None:
    """The mean of the datasets' means, None unless every one of them has an accuracy.

    Its spread is that of the seeds which all of them have: of their averages over the datasets.
    """
    if not datasets or not all(datasets):
        return None
    common = set.intersection(*(set(accuracies) for accuracies in datasets))
    mean = fmean(fmean(accuracies.values()) for accuracies in datasets)
    spread = summarise(
        fmean(accuracies[seed] for accuracies in datasets) for seed in sorted(common)
    )
    return (spread or Summary(mean, 0.0, None, 1, mean, mean))._replace(mean=mean)


def confidence_interval(values: list[float]) -> float:
    """Half the width of the 95 % confidence interval of the mean, by Student's t.

    The mean of n numbers of sample standard deviation s lies within t s / sqrt(n), where t is the
    97.5 % quantile at n - 1 degrees of freedom: 4.30 for three seeds, not the normal's 1.96.
    """
    from scipy.special import stdtrit  # here, because it takes longer than all the rest

    return float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / sqrt(len(values))


def harmonic_mean(base: float, new: float) -> float:
    """H of two accuracies; 0 if either is 0."""
    return 2 * base * new / (base + new) if base and new else 0.0


def harmonic_means(base: BySeed, new: BySeed) -> dict[int, float]:
    """H of every seed that has both."""
    return {seed: harmonic_mean(base[seed], new[seed]) for seed in sorted(base) if seed in new}


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
