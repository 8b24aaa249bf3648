"""Numbers of ours in the settings that papers publish: over datasets, seeds and classes."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from rpo.methods.traits import known_traits
from rpo.report.frame import Line, Scores, by_line, own_runs, scores
from rpo.report.names import BENCHMARK, DOMAINS
from rpo.report.published import few_shot_methods
from rpo.report.statistics import BySeed, Summary, average, harmonic_mean
from rpo.report.tables import by_target, reached

AVERAGE = "Average"
SOURCE = "ImageNet"
TARGETS = {"cross_dataset": BENCHMARK[1:], "domain_generalization": DOMAINS}
FEW_SHOT = "few_shot"
BACKBONES = {FEW_SHOT: "RN50"}  # of the papers; all others:
BACKBONE = "ViT-B/16"


class Measured(NamedTuple):
    """A number of ours; setting, dataset and metric are called as in published.csv."""

    setting: str
    dataset: str
    line: Line
    metric: str
    accuracy: Summary

    @property
    def papers_backbone(self) -> str:
        """The one that the published values of the setting are of."""
        return BACKBONES.get(self.setting, BACKBONE)

    @property
    def is_of_another_backbone(self) -> bool:
        """What tells no backbone, as a log may, counts as the papers'."""
        return self.line.backbone not in (self.papers_backbone, "")


def base2new_measured(frame: pd.DataFrame) -> Iterator[Measured]:
    """Base, new and H of every experiment, and of their average where all 11 datasets are there."""
    used = own_runs(frame, "base", "new")
    for (dataset, line), members in _with_averages(used).items():
        for metric, accuracy in _metrics(members, line.method).items():
            if accuracy:
                yield Measured("base2new", dataset, line, metric, accuracy)


def few_shot_measured(frame: pd.DataFrame) -> Iterator[Measured]:
    """All classes, by methods whose few-shot values were published."""
    used = own_runs(frame, "all")
    used = used[used["method"].isin(few_shot_methods())]
    for (dataset, line), members in _with_averages(used).items():
        if accuracy := average([each["all"] for each in members.values()]):
            yield Measured(FEW_SHOT, dataset, line, "accuracy", accuracy)


def _with_averages(used: pd.DataFrame) -> dict[tuple[str, Line], dict[str, Scores]]:
    """Scores by dataset of every experiment, and of their average where all 11 datasets are."""
    found = scores(used)
    groups = {(one.dataset, one.line): {one.dataset: each} for one, each in found.items()}
    for line, experiments in by_line(used).items():
        chosen = {one.dataset: found[one] for one in experiments if one.dataset in BENCHMARK}
        if len(chosen) == len(BENCHMARK):
            groups[AVERAGE, line] = chosen
    return groups


def _metrics(members: Mapping[str, Mapping[str, BySeed]], method: str) -> dict[str, Summary | None]:
    """Base, new and H over all of some datasets, H as the method's paper computes it."""
    found = {name: average([each[name] for each in members.values()]) for name in ("base", "new")}
    harmonic = average([each["H"] for each in members.values()])
    traits = known_traits().get(method)
    if harmonic and not (traits and traits.mean_of_harmonic):
        base, new = found["base"], found["new"]
        assert base and new  # or there would be no H
        harmonic = harmonic._replace(mean=harmonic_mean(base.mean, new.mean))
    return {**found, "H": harmonic}


def transfer_measured(frame: pd.DataFrame) -> Iterator[Measured]:
    """Accuracy of what was trained on ImageNet; the average where all targets are there."""
    for setting, targets in TARGETS.items():
        for line, runs in by_target(reached(frame, SOURCE, targets), targets).items():
            groups = {dataset: [runs.get(dataset, {})] for dataset in (SOURCE, *targets)}
            groups[AVERAGE] = [runs.get(target, {}) for target in targets]
            for dataset, members in groups.items():
                if accuracy := average(members):
                    yield Measured(setting, dataset, line, "accuracy", accuracy)
