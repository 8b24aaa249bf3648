"""Accuracy over the number of labelled images a class."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from rpo.report.names import ZERO_SHOT, dataset_order, method_order
from rpo.report.records import Record
from rpo.report.statistics import Summary, summarise
from rpo.report.table import (
    Cell,
    Experiment,
    Table,
    by_seed,
    experiments,
    log_note,
    shared_config,
)

# Dataset, classes, method and config.
Curve = tuple[str, str, str, str]


def shots_table(records: Sequence[Record]) -> list[Table]:
    """Accuracy over shots, where a method was run with more than one number of shots."""
    found = curves(records)
    wanted = {key[:2] for key, points in found.items() if len(points) > 1}
    found = {key: points for key, points in found.items() if key[:2] in wanted}
    if not found:
        return []
    numbers = sorted({number for points in found.values() for number in points})
    shown: list[tuple[Curve, Mapping[int, Cell]]] = [*found.items(), *averages(found).items()]
    rows = [(*key, *(points.get(number) for number in numbers)) for key, points in shown]
    headers = ("dataset", "classes", "method", "config", *(f"{n}-shot" for n in numbers))
    title = "Accuracy in percent over shots (labelled images a class; zero-shot methods: 0)"
    used = [record for record in records if (record.dataset, record.classes) in wanted]
    return [Table("shots", title, headers, rows, log_note(used))]


def curves(records: Sequence[Record]) -> dict[Curve, dict[int, Summary]]:
    """Accuracies by shots, of zero-shot methods at 0, for every curve."""
    found: dict[Curve, dict[int, Summary]] = defaultdict(dict)
    own = [record for record in records if record.trained_on == record.dataset]
    for classes in {record.classes for record in own}:
        runs = experiments(record for record in own if record.classes == classes)
        names = curve_names(runs)
        for experiment, members in runs.items():
            shots = 0 if experiment.method in ZERO_SHOT else experiment.shots
            summary = summarise(by_seed(members).values())
            if summary and shots >= 0:
                key = (experiment.dataset, classes, experiment.method, names[experiment])
                found[key][shots] = summary
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def curve_names(runs: Iterable[Experiment]) -> dict[Experiment, str]:
    """What each run's curve is called: its config, or what a method's configs share."""
    methods: dict[str, list[Experiment]] = defaultdict(list)
    for experiment in runs:
        methods[experiment.method].append(experiment)
    return {
        member: shared_config(members) or member.config
        for members in methods.values()
        for member in members
    }


def averages(found: Mapping[Curve, Mapping[int, Summary]]) -> dict[Curve, dict[int, float]]:
    """The mean over datasets, of curves with more than one, at the shots that all of them have."""
    together: dict[tuple[str, str, str], list[Mapping[int, Summary]]] = defaultdict(list)
    for (_, *rest), points in found.items():
        together[rest[0], rest[1], rest[2]].append(points)
    return {
        (f"Average ({len(many)})", *rest): {
            number: fmean(points[number].mean for points in many)
            for number in set.intersection(*(set(points) for points in many))
        }
        for rest, many in together.items()
        if len(many) > 1
    }


def _order(curve: Curve) -> tuple[object, ...]:
    dataset, classes, method, config = curve
    return (*dataset_order(dataset), classes, *method_order(method), config)
