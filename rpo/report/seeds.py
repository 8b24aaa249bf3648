"""Every seed's accuracy, for the studies of variance."""

from collections.abc import Mapping, Sequence

from rpo.report.records import Record
from rpo.report.statistics import summarise
from rpo.report.table import (
    Cell,
    Experiment,
    Table,
    by_seed,
    experiments,
    log_note,
    shown_shots,
)

NAMES = ("dataset", "classes", "method", "config", "shots")
MEASURED = ("mean", "std", "ci95", "min", "max", "n")
MEANING = (
    "std is the population standard deviation, as in the papers; ci95 is half of Student's 95 % "
    "confidence interval of the mean."
)


def seeds_table(records: Sequence[Record]) -> list[Table]:
    """Every seed's accuracy with mean and spread, of what was run with more than one seed.

    Runs on all classes are there with one seed too, because no other table may show them.
    """
    found = [
        (key, members)
        for key, members in _groups(records)
        if len(members) > 1 or members[0].classes == "all"
    ]
    if not found:
        return []
    used = [record for _, members in found for record in members]
    numbers = sorted({record.seed for record in used})
    rows = [(*key, *_measured(by_seed(members), numbers)) for key, members in found]
    columns = (f"seed {number}" if number >= 0 else "no seed" for number in numbers)
    headers = (*NAMES, *columns, *MEASURED)
    notes = (MEANING, *log_note(used))
    return [Table("seeds", "Accuracy in percent of every seed", headers, rows, notes)]


def _groups(records: Sequence[Record]) -> list[tuple[tuple[Cell, ...], list[Record]]]:
    """Runs that differ in the seed alone, under the cells of NAMES."""
    groups = []
    for experiment, members in experiments(records).items():
        for classes, source in sorted({(run.classes, run.trained_on) for run in members}):
            same = [run for run in members if (run.classes, run.trained_on) == (classes, source)]
            groups.append((_names(experiment, classes, source), same))
    return groups


def _names(experiment: Experiment, classes: str, source: str) -> tuple[Cell, ...]:
    dataset, method, config, shots = experiment
    origin = "" if source == dataset else f" (trained on {source})"
    return (dataset + origin, classes, method, config, shown_shots(shots))


def _measured(accuracies: Mapping[int, float], numbers: Sequence[int]) -> list[Cell]:
    cells: list[Cell] = [accuracies.get(number) for number in numbers]
    summary = summarise(accuracies.values())
    if summary:
        mean, std, ci95, n, low, high = summary
        cells += [mean, std if n > 1 else None, ci95, low, high, n]
    return cells
