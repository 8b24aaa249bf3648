"""The tables that `rpo report` knows: pivots of one frame."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import pandas as pd

from rpo.report.base2new import base2new
from rpo.report.frame import (
    EXPERIMENT,
    Line,
    experiment_of,
    known_test_sets,
    order_of_line,
    own_runs,
    scores,
)
from rpo.report.names import BENCHMARK, CLASSES, DOMAINS, dataset_order, learns
from rpo.report.pivots import Panel, Points, Series, average_curve, order_of_series, over_shots
from rpo.report.statistics import BySeed, Summary, TestSet, average, mean_noise, summarise
from rpo.report.table import About, Cell, Table, backbones, notes_on, shown_shots, span
from rpo.suggest import unknown

MEANING = (
    "std is the population standard deviation, as in the papers; ci95 is half of Student's 95 % "
    "confidence interval of the mean."
)
COST = "Training is counted where the run trained; a peak is the largest of the runs."
NAMES = ("dataset", "classes", "method", "config", "shots")


def build_tables(frame: pd.DataFrame, names: Sequence[str] | None = None) -> list[Table]:
    """The tables of those names, or all for which there are runs.

    Raises:
        ValueError: an unknown name, or none of the runs belongs into any of the tables. Of some it
            is said on the standard error, if they were named.
    """
    for name in names or ():
        if name not in TABLES:
            raise ValueError(unknown("table", name, TABLES))
    found = {name: TABLES[name](frame) for name in names or TABLES}
    empty = [name for name, tables in found.items() if not tables]
    of = "; ".join(f"{name}, which is of {NEEDS[name]}" for name in empty)
    said = f"none of the {len(frame)} runs belongs into the table {of}"
    if len(empty) == len(found):
        raise ValueError(said)
    if empty and names:
        print(f"note: {said}", file=sys.stderr)
    return [table for tables in found.values() for table in tables]


def transfer(frame: pd.DataFrame) -> list[Table]:
    """A table for each source, shifted ImageNets apart from other datasets: methods by targets."""
    wanted: dict[tuple[str, bool], set[str]] = {}
    for run in frame[~frame["own"] & (frame["classes"] == "all")].itertuples():
        wanted.setdefault((run.trained_on, run.dataset in DOMAINS), set()).add(run.dataset)
    return [
        _transfer_table(frame, source, sorted(targets, key=dataset_order), shifted)
        for (source, shifted), targets in sorted(wanted.items())
    ]


def reached(frame: pd.DataFrame, source: str, targets: Sequence[str]) -> pd.DataFrame:
    """Runs on all classes of source and targets: trained on the source, or not trained at all."""
    untrained = ~frame["method"].map(learns).astype(bool)
    return frame[
        ((frame["trained_on"] == source) | untrained)
        & (frame["classes"] == "all")
        & frame["dataset"].isin([source, *targets])
    ]


def by_target(used: pd.DataFrame, targets: Sequence[str]) -> dict[Line, dict[str, BySeed]]:
    """Accuracies by method and dataset, of methods that have a target."""
    found: dict[Line, dict[str, BySeed]] = {}
    for experiment, measured in scores(used).items():
        found.setdefault(experiment.line, {})[experiment.dataset] = measured["all"]
    some = {line: runs for line, runs in found.items() if runs.keys() & set(targets)}
    return dict(sorted(some.items(), key=lambda item: order_of_line(item[0])))


def _transfer_table(
    frame: pd.DataFrame, source: str, targets: Sequence[str], shifted: bool
) -> Table:
    used, sets = reached(frame, source, targets), known_test_sets(frame)
    found = by_target(used, targets)
    columns = {f"{source} (source)": source, **{target: target for target in targets}}
    rows, about = [], []
    for line, runs in found.items():
        cells = [summarise(runs.get(name, {}).values()) for name in columns.values()]
        there = [target for target in targets if target in runs]
        mean = fmean(cell.mean for cell in cells[1:] if cell)
        seeds = span(cell.n for cell in cells if cell)
        names = (line.method, line.config, shown_shots(line.shots))
        rows.append((*names, *cells, mean, f"{len(there)} of {len(targets)}", seeds))
        noise = {
            header: sets.get((name, "all"), TestSet()).noise(runs.get(name, {}))
            for header, name in columns.items()
        }
        if len(there) == len(targets):  # else it is of other datasets than the rows beside it
            noise["average"] = mean_noise([noise[target] for target in targets])
        about.append(About(line, (source,), noise))
    kind = "Domain generalization" if shifted else "Cross-dataset transfer"
    title = f"{kind}, trained on {source}, accuracy in percent"
    notes = ["The average is over the targets that the row has."]
    papers = DOMAINS if shifted else BENCHMARK[1:]
    absent = [name for name in papers if name not in targets]
    if absent and set(targets) <= set(papers):
        notes.append(
            f"The papers average over {len(papers)} targets; not here: {', '.join(absent)}."
        )
    headers = ("method", "config", "shots", *columns, "average", "targets", "seeds")
    return Table("transfer", title, headers, rows, (*notes, *notes_on(used)), tuple(about))


def shots_table(frame: pd.DataFrame) -> list[Table]:
    """Accuracy over shots, where a method was run with more than one number of shots."""
    panels = over_shots(frame)
    if not panels:
        return []
    rows = [
        (panel.title, panel, series, points)
        for panel in panels
        for series, points in panel.curves.items()
    ] + _average_rows(panels)
    shots = sorted({number for *_, points in rows for number in points})
    headers = ("dataset", "classes", "method", "config", *(f"{n}-shot" for n in shots))
    cells, about, sets = [], [], known_test_sets(frame)
    for title, panel, series, points in rows:
        numbers = [average(points.get(number, [])) for number in shots]
        shown = [each.mean if each and panel.is_average else each for each in numbers]
        cells.append((title, panel.classes, series.method, series.config, *shown))
        noise = {
            f"{number}-shot": mean_noise(
                [
                    sets.get((dataset, panel.classes), TestSet()).noise(seeds)
                    for dataset, seeds in zip(panel.datasets, points[number], strict=True)
                ]
            )
            for number in points
        }
        line = Line(series.method, series.config, 0, series.backbone)
        about.append(About(line, (panel.classes, *panel.datasets), noise))
    title = "Accuracy in percent over shots (labelled images a class; zero-shot methods: 0)"
    used = own_runs(frame, *{panel.classes for panel in panels})
    return [Table("shots", title, headers, cells, notes_on(used), tuple(about))]


def _average_rows(panels: Sequence[Panel]) -> list[tuple[str, Panel, Series, Points]]:
    """A row for each method on several datasets, of those that it has."""
    rows = []
    for classes in CLASSES:
        same = [panel for panel in panels if panel.classes == classes]
        every = {series for panel in same for series in panel.curves}
        for series in sorted(every, key=order_of_series):
            there = [panel for panel in same if series in panel.curves]
            if len(there) > 1:
                of = f" of {len(same)}" if len(there) < len(same) else ""
                one = Panel("", classes, tuple(panel.title for panel in there), {})
                title = f"Average ({len(there)}{of})"
                rows.append((title, one, series, average_curve(there, series)))
    return rows


def seeds_table(frame: pd.DataFrame) -> list[Table]:
    """Every seed's accuracy with mean and spread, of what was run with more than one seed.

    Runs on all classes are there with one seed too, because no other table may show them.
    """
    groups = [
        (experiment_of(key[:-1]), key[-1], members)
        for key, members in frame.groupby([*EXPERIMENT, "classes"], observed=True)
        if len(members) > 1 or key[-1] == "all"
    ]
    if not groups:
        return []
    used = pd.concat([members for *_, members in groups])
    numbers = sorted({int(seed) for seed in used["seed"]})
    rows = []
    for one, classes, members in groups:
        by_seed = dict(zip(members["seed"], members["accuracy"], strict=True))
        names = (one.title, classes, one.method, one.config, shown_shots(one.shots))
        rows.append((*names, *(by_seed.get(number) for number in numbers), *_measured(by_seed)))
    columns = (f"seed {number}" if number >= 0 else "no seed" for number in numbers)
    headers = (*NAMES, *columns, "mean", "std", "ci95", "min", "max", "n")
    notes = (MEANING, *notes_on(used))
    return [Table("seeds", "Accuracy in percent of every seed", headers, rows, notes)]


def _measured(by_seed: BySeed) -> tuple[Cell, ...]:
    summary = summarise(by_seed.values())
    assert summary is not None  # there is a run
    mean, std, ci95, n, low, high = summary
    return (mean, std if n > 1 else None, ci95, low, high, n)


def cost(frame: pd.DataFrame) -> list[Table]:
    """A row an experiment, all its seeds and tests together; from results.json only."""
    timed = frame[[bool(content.get("seconds")) for content in frame["content"]]]
    rows: list[tuple[Cell, ...]] = []
    about = []
    for key, group in timed.groupby(EXPERIMENT, observed=True):
        one = experiment_of(key)
        for on, members in by_trained_classes(group):
            names = (one.title, one.method, one.config + on, shown_shots(one.shots))
            rows.append((*names, *_cost(members)))
            about.append(About(one.line, (one.dataset,), {}, one))
    headers = (
        *("dataset", "method", "config", "shots", "learnt parameters", "training s"),
        *("test ms an image", "peak MiB", "device", "runs"),
    )
    notes = (COST, *backbones(timed))
    return [Table("cost", "Cost of a run", headers, rows, notes, tuple(about))] if rows else []


def by_trained_classes(members: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """An experiment's runs; where it was trained on all classes and on half of them, which take
    different times, in two parts with what is said of them."""
    trains = [bool(content["seconds"].get("train")) for content in members["content"]]
    whole = members["classes"] == "all"
    if len(set(whole[trains])) < 2:
        yield "", members
    else:
        yield ", all classes", members[whole]
        yield ", half of them", members[~whole]


def _cost(members: pd.DataFrame) -> tuple[Cell, ...]:
    contents = list(members["content"])
    parameters = {content.get("learnt_parameters") for content in contents}
    peaks = [content["peak_mb"] for content in contents if content.get("peak_mb") is not None]
    return (
        parameters.pop() if len(parameters) == 1 else "several",
        _over_seeds(members, lambda content: content["seconds"].get("train")),
        _over_seeds(members, _test_milliseconds),
        max(map(float, peaks), default=None),
        ", ".join(sorted({str(content.get("device") or "-") for content in contents})),
        len(members),
    )


def _over_seeds(
    members: pd.DataFrame, measure: Callable[[Mapping[str, Any]], float | None]
) -> Summary | None:
    """Over seeds, of which each counts once, however many evaluations it has."""
    by_seed: dict[int, list[float]] = {}
    for seed, content in zip(members["seed"], members["content"], strict=True):
        if (value := measure(content)) is not None:
            by_seed.setdefault(seed, []).append(value)
    return summarise(fmean(values) for values in by_seed.values())


def _test_milliseconds(content: Mapping[str, Any]) -> float | None:
    """Time of a test run over its number of images, loading included."""
    seconds, images = content["seconds"].get("test"), (content.get("images") or {}).get("test")
    return 1000 * seconds / images if seconds and images else None


# What a table is of; `rpo report` says it where there is none.
NEEDS = {
    "base2new": "base and new classes",
    "transfer": "all classes of one dataset after a training on those of another",
    "shots": "a method with more than one number of shots",
    "seeds": "more than one seed, or all classes",
    "cost": "results.json with times, which logs do not have",
}
TABLES: dict[str, Callable[[pd.DataFrame], list[Table]]] = {
    "base2new": base2new,
    "transfer": transfer,
    "shots": shots_table,
    "seeds": seeds_table,
    "cost": cost,
}
