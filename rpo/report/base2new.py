"""Base-to-new generalization: accuracy on base and new classes, and their harmonic mean H."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from rpo.report.frame import (
    Experiment,
    Line,
    Scores,
    by_line,
    known_test_sets,
    order_of,
    own_runs,
    scores,
)
from rpo.report.names import BENCHMARK, dataset_order
from rpo.report.statistics import (
    BySeed,
    Noise,
    Summary,
    TestSet,
    average,
    harmonic_mean,
    harmonic_noise,
    mean_noise,
)
from rpo.report.table import About, Cell, Table, notes_on, shown_shots, span

HEADERS = ("dataset", "method", "config", "shots", "base", "new", "H", "H of means", "seeds")
CONVENTIONS = (
    "H is the mean of the seeds' harmonic means and, in the rows Average, of the datasets' H, as "
    "in RPO's paper; H of means is the harmonic mean of the row's base and new, as in the papers "
    "of CoOp, CoCoOp and MaPLe."
)
SEEDS = (
    "Base and new were not always run with the same seeds: each is the mean of all its seeds, H "
    "that of the seeds which have both."
)
NOTHING: Scores = {"base": {}, "new": {}, "H": {}}


class Generalization(NamedTuple):
    """Base, new and H over some datasets, each by seed; empty where it was not measured."""

    datasets: tuple[str, ...]
    base: Sequence[BySeed]
    new: Sequence[BySeed]
    harmonic: Sequence[BySeed]

    @property
    def point(self) -> tuple[Summary, Summary]:
        """Average base and new, where both were measured."""
        base, new = average(self.base), average(self.new)
        assert base and new
        return base, new

    @property
    def of_means(self) -> float | None:
        """H of the average base and the average new."""
        base, new = average(self.base), average(self.new)
        return harmonic_mean(base.mean, new.mean) if base and new else None

    @property
    def seeds(self) -> str:
        """How many seeds, in detail where base, new and H are not of the same."""
        found = {"base": self.base, "new": self.new, "H": self.harmonic}
        both = all(self.base) and all(self.new)
        counts = {
            name: span(map(len, each))
            for name, each in found.items()
            if all(each) or (name == "H" and both)
        }
        if len(set(counts.values())) < 2:
            return next(iter(counts.values()), "0")
        return ", ".join(f"{name} {count}" for name, count in counts.items())

    def noise(self, sets: Mapping[tuple[str, str], TestSet]) -> dict[str, Noise]:
        """By the headers of the columns."""
        base, new = (
            [
                sets.get((dataset, classes), TestSet()).noise(seeds)
                for dataset, seeds in zip(self.datasets, found, strict=True)
            ]
            for classes, found in (("base", self.base), ("new", self.new))
        )
        harmonic = mean_noise(
            [harmonic_noise(*each) for each in zip(self.base, self.new, base, new, strict=True)]
        )
        return {
            "base": mean_noise(base),
            "new": mean_noise(new),
            "H": harmonic,
            "H of means": harmonic,
        }


def generalization(members: Mapping[str, Scores]) -> Generalization:
    """Of the datasets that have both base and new, if they are several; else of all."""
    complete = {name: each for name, each in members.items() if each["base"] and each["new"]}
    used = complete if len(complete) > 1 else members
    return Generalization(
        tuple(used), *([each[name] for each in used.values()] for name in ("base", "new", "H"))
    )


def base2new(frame: pd.DataFrame) -> list[Table]:
    """A row an experiment, and an average a method where there is more than one dataset."""
    used = own_runs(frame, "base", "new")
    found, methods, sets = scores(used), by_line(used), known_test_sets(frame)
    if not found:
        return []
    datasets = sorted({experiment.dataset for experiment in found}, key=dataset_order)
    rows, about, partial = [], [], []
    for experiment in with_missing(found, methods, datasets):
        one = generalization({experiment.dataset: found.get(experiment, NOTHING)})
        rows.append(_row(experiment.dataset, experiment.line, one))
        about.append(About(experiment.line, one.datasets, one.noise(sets), experiment))
    for line, members in methods.items():
        if len(members) > 1:
            one = generalization({member.dataset: found[member] for member in members})
            count = str(len(one.datasets))
            if absent := _absent(datasets, one.datasets):
                count += f" of {len(datasets)}"
                partial.append(f"{line.method} {line.config} is without {absent}")
            rows.append(_row(f"Average ({count})", line, one, exact=True))
            about.append(About(line, one.datasets, one.noise(sets)))
    notes = (CONVENTIONS, *_remarks(found.values(), datasets, partial), *notes_on(used))
    title = "Base-to-new generalization, accuracy in percent"
    return [Table("base2new", title, HEADERS, rows, notes, tuple(about))]


def with_missing(
    found: Iterable[Experiment],
    methods: Mapping[Line, Sequence[Experiment]],
    datasets: Sequence[str],
) -> list[Experiment]:
    """The experiments, and an empty one for each dataset that a method lacks.

    A method that was run on fewer than half of the datasets is not held to the others.
    """
    empty = [
        Experiment(dataset, line.method, dataset, *line[1:])
        for line, members in methods.items()
        for dataset in datasets
        if 2 * len(members) >= len(datasets)
        and dataset not in {member.dataset for member in members}
    ]
    return sorted([*found, *empty], key=order_of)


def _row(title: str, line: Line, one: Generalization, exact: bool = False) -> tuple[Cell, ...]:
    """The cells in the order of HEADERS; averages over datasets are numbers without a spread."""
    summaries = [average(each) for each in (one.base, one.new, one.harmonic)]
    cells: list[Cell] = [each.mean if each and exact else each for each in summaries]
    names = (title, line.method, line.config, shown_shots(line.shots))
    return (*names, *cells, one.of_means, one.seeds)


def _absent(wanted: Iterable[str], there: Iterable[str]) -> str:
    return ", ".join(name for name in wanted if name not in there)


def _remarks(
    found: Iterable[Scores], datasets: Sequence[str], partial: Sequence[str]
) -> tuple[str, ...]:
    """On unequal seeds; on averages that lack datasets of this table, or of the papers."""
    uneven = any(
        each["base"] and each["new"] and each["base"].keys() != each["new"].keys() for each in found
    )
    remarks: tuple[str, ...] = (SEEDS,) if uneven else ()
    if partial:
        remarks += (f"Averages over fewer datasets: {'; '.join(partial)}.",)
    absent = _absent(BENCHMARK, datasets)
    if len(datasets) < 2 or not absent or not set(datasets) <= set(BENCHMARK):
        return remarks
    return (*remarks, f"The papers average over 11 datasets; not here: {absent}.")
