"""Accuracies on base and new classes, seed by seed."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from rpo.report.records import Record
from rpo.report.statistics import Summary, harmonic_mean, summarise
from rpo.report.table import Experiment, by_seed, experiments


class Pair(NamedTuple):
    """Accuracies in percent of an experiment, by seed: those seeds that have both, if any do."""

    base: Mapping[int, float]
    new: Mapping[int, float]
    left_out: str = ""

    @property
    def harmonic(self) -> Summary | None:
        """H of every seed, in short."""
        seeds = sorted(self.base.keys() & self.new.keys())
        return summarise(harmonic_mean(self.base[seed], self.new[seed]) for seed in seeds)

    @property
    def of_means(self) -> float | None:
        """H of the mean base and the mean new."""
        if not (self.base and self.new):
            return None
        return harmonic_mean(fmean(self.base.values()), fmean(self.new.values()))

    @property
    def seeds(self) -> str:
        """How many seeds, and which of base or new alone were left out."""
        return f"{len(self.base or self.new)}{self.left_out}"


def pair_of(base: Mapping[int, float], new: Mapping[int, float]) -> Pair:
    """The seeds that both have; all of them where only one was run."""
    both = sorted(base.keys() & new.keys())
    if not both:
        disjoint = f" (base {listed(base)}, new {listed(new)})" if base and new else ""
        return Pair(base, new, disjoint)
    alone = [
        f"{name} {listed(measured.keys() - set(both))}"
        for name, measured in (("base", base), ("new", new))
        if len(measured) > len(both)
    ]
    left_out = f" (without {', '.join(alone)})" if alone else ""
    return Pair({k: base[k] for k in both}, {k: new[k] for k in both}, left_out)


def own_runs(records: Sequence[Record]) -> list[Record]:
    """Runs tested on base or new classes of the dataset that they were trained on."""
    return [
        record
        for record in records
        if record.classes in ("base", "new") and record.trained_on == record.dataset
    ]


def pairs(records: Sequence[Record]) -> dict[Experiment, Pair]:
    """Accuracies on base and new classes of every experiment, in the order of the papers."""
    return {
        experiment: pair_of(
            by_seed(record for record in members if record.classes == "base"),
            by_seed(record for record in members if record.classes == "new"),
        )
        for experiment, members in experiments(records).items()
    }


def listed(seeds: Iterable[int]) -> str:
    """Seeds in short: "1-3" if they follow one another, else "1, 4"."""
    numbers = sorted(seeds)
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(str(number) for number in numbers)
