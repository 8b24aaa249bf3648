"""Base-to-new generalization: accuracy on base and new classes, and their harmonic mean H."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from rpo.report.names import BENCHMARK, dataset_order
from rpo.report.pairs import Pair, own_runs, pairs
from rpo.report.records import Record
from rpo.report.statistics import harmonic_mean, summarise
from rpo.report.table import (
    Cell,
    Experiment,
    Line,
    Table,
    lines,
    log_note,
    order,
    shown_shots,
    span,
)

HEADERS = ("dataset", "method", "config", "shots", "base", "new", "H", "H of means", "seeds")
CONVENTIONS = (
    "H is the mean of the seeds' harmonic means and, in the rows Average, of the datasets' H, as "
    "in RPO's paper; H of means is the harmonic mean of the row's base and new, as in the papers "
    "of CoOp, CoCoOp and MaPLe."
)


SEEDS = (
    "Base and new were not always run with the same seeds; such a row counts those that have both "
    "(--table seeds shows all)."
)


def base2new(records: Sequence[Record]) -> list[Table]:
    """A row an experiment, and an average a method where there is more than one dataset."""
    used = own_runs(records)
    found = pairs(used)
    if not found:
        return []
    datasets = sorted({experiment.dataset for experiment in found}, key=dataset_order)
    methods = lines(found)
    rows = [row(experiment, pair) for experiment, pair in with_missing(found, methods, datasets)]
    rows += [
        average(line, [found[member] for member in members], len(datasets))
        for line, members in methods.items()
        if len(members) > 1
    ]
    notes = (CONVENTIONS, *_remarks(found.values(), datasets), *log_note(used))
    title = "Base-to-new generalization, accuracy in percent"
    return [Table("base2new", title, HEADERS, rows, notes)]


def with_missing(
    found: Mapping[Experiment, Pair],
    methods: Mapping[Line, Sequence[Experiment]],
    datasets: Sequence[str],
) -> list[tuple[Experiment, Pair]]:
    """The experiments, and an empty one for each dataset that a method lacks.

    A method that was run on fewer than half of the datasets is not held to the others.
    """
    empty = [
        (Experiment(dataset, *line), Pair({}, {}))
        for line, members in methods.items()
        for dataset in datasets
        if 2 * len(members) >= len(datasets)
        and dataset not in {member.dataset for member in members}
    ]
    return sorted([*found.items(), *empty], key=lambda item: order(item[0]))


def row(experiment: Experiment, pair: Pair) -> tuple[Cell, ...]:
    """The cells of an experiment, in the order of HEADERS."""
    dataset, method, config, shots = experiment
    base, new = summarise(pair.base.values()), summarise(pair.new.values())
    names = (dataset, method, config, shown_shots(shots))
    return (*names, base, new, pair.harmonic, pair.of_means, pair.seeds)


def average(line: Line, found: Sequence[Pair], datasets: int) -> tuple[Cell, ...]:
    """The mean over the datasets that have both base and new; over all, for want of such."""
    complete = [pair for pair in found if pair.harmonic]
    used = complete if len(complete) > 1 else found
    base = _mean([fmean(pair.base.values()) if pair.base else None for pair in used])
    new = _mean([fmean(pair.new.values()) if pair.new else None for pair in used])
    harmonic = _mean([pair.harmonic.mean if pair.harmonic else None for pair in used])
    of_means = None if base is None or new is None else harmonic_mean(base, new)
    count = f"{len(used)}" if len(used) == datasets else f"{len(used)} of {datasets}"
    seeds = span(len(pair.base or pair.new) for pair in used)
    names = (f"Average ({count})", line.method, line.config, shown_shots(line.shots))
    return (*names, base, new, harmonic, of_means, seeds)


def _mean(values: Sequence[float | None]) -> float | None:
    """Of nothing less than all: a mean over other datasets could not be compared."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _remarks(found: Iterable[Pair], datasets: Sequence[str]) -> tuple[str, ...]:
    """On seeds that were left out; on an average over fewer than the 11 datasets of the papers."""
    remarks = (SEEDS,) if any(pair.left_out for pair in found) else ()
    absent = [title for title in BENCHMARK if title not in datasets]
    if len(datasets) < 2 or not absent or not set(datasets) <= set(BENCHMARK):
        return remarks
    return (*remarks, f"The papers average over 11 datasets; not here: {', '.join(absent)}.")
