"""Our numbers under the names of the published ones."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from rpo.report.names import BENCHMARK, DOMAINS
from rpo.report.pairs import Pair, own_runs, pairs
from rpo.report.records import Record
from rpo.report.statistics import Summary, harmonic_mean, summarise
from rpo.report.table import Experiment, by_seed, lines
from rpo.report.transfer import reached

AVERAGE = "Average"
SOURCE = "ImageNet"
TARGETS = {"cross_dataset": BENCHMARK[1:], "domain_generalization": DOMAINS}
# The paper of RPO averages harmonic means, over seeds and datasets; all others take H of means.
MEAN_OF_HARMONIC = ("RPO",)


class Measured(NamedTuple):
    """A number of ours; setting, dataset and metric are called as in published.csv."""

    setting: str
    dataset: str
    method: str
    config: str
    shots: int
    metric: str
    accuracy: Summary


def measure(records: Sequence[Record]) -> list[Measured]:
    """Everything for which there may be a published number, in the order of the papers."""
    return [*base2new_measured(records), *transfer_measured(records)]


def base2new_measured(records: Sequence[Record]) -> list[Measured]:
    """Base, new and H of every experiment, and of their average where all 11 datasets are there."""
    found = pairs(own_runs(records))
    groups = {experiment: [pair] for experiment, pair in found.items()}
    for line, members in lines(found).items():
        if {member.dataset for member in members} >= set(BENCHMARK):
            chosen = [found[member] for member in members if member.dataset in BENCHMARK]
            groups[Experiment(AVERAGE, *line)] = chosen
    return [
        Measured("base2new", *experiment, metric, accuracy)
        for experiment, members in groups.items()
        for metric, accuracy in pair_metrics(members, experiment.method).items()
        if accuracy
    ]


def pair_metrics(members: Sequence[Pair], method: str) -> dict[str, Summary | None]:
    """Base, new and H over some datasets, H as the method's paper computes it."""
    base = mean_over([pair.base for pair in members])
    new = mean_over([pair.new for pair in members])
    seeds = [
        {
            seed: harmonic_mean(b, pair.new[seed])
            for seed, b in pair.base.items()
            if seed in pair.new
        }
        for pair in members
    ]
    harmonic = mean_over(seeds)
    if base and new and harmonic and method not in MEAN_OF_HARMONIC:
        harmonic = harmonic._replace(mean=harmonic_mean(base.mean, new.mean))
    return {"base": base, "new": new, "H": harmonic}


def mean_over(datasets: Sequence[Mapping[int, float]]) -> Summary | None:
    """The mean of the datasets' means, its spread that of the seeds which all of them have."""
    if not all(datasets):
        return None
    common = set.intersection(*(set(accuracies) for accuracies in datasets))
    mean = fmean(fmean(accuracies.values()) for accuracies in datasets)
    spread = summarise(fmean(accuracies[seed] for accuracies in datasets) for seed in common)
    return (spread or Summary(mean, 0.0, None, 1, mean, mean))._replace(mean=mean)


def transfer_measured(records: Sequence[Record]) -> list[Measured]:
    """Accuracy of what was trained on ImageNet; the average where all targets are there."""
    found = []
    for setting, targets in TARGETS.items():
        for line, runs in reached(records, SOURCE, targets).items():
            accuracies = {dataset: by_seed(runs[dataset]) for dataset in (SOURCE, *targets)}
            groups = {dataset: [seeds] for dataset, seeds in accuracies.items()}
            groups[AVERAGE] = [accuracies[target] for target in targets]
            for dataset, members in groups.items():
                accuracy = mean_over(members)
                if accuracy:
                    found.append(Measured(setting, dataset, *line, "accuracy", accuracy))
    return found
