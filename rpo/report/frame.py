"""One frame of results behind every table, figure and page, and the one way to average it.

A run is a row. An experiment is what differs in seed and classes alone. Base, new and the accuracy
on all classes are means over all seeds that have them; H is computed of every seed that has both.
An average over datasets is the mean of their means.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from rpo.report.experiments import agree, model_settings
from rpo.report.names import CLASSES, dataset_order, learns, method_order
from rpo.report.reading import Run
from rpo.report.statistics import BySeed, TestSet, harmonic_means

# Accuracies by seed under "base", "new", "all" and "H"; empty where there is none.
Scores: TypeAlias = Mapping[str, BySeed]
EXPERIMENT = ["dataset", "method", "trained_on", "config", "shots", "backbone"]


class Experiment(NamedTuple):
    """What a row is about: everything but the seed and the classes."""

    dataset: str
    method: str
    trained_on: str
    config: str
    shots: int
    backbone: str

    @property
    def line(self) -> "Line":
        """The same on any dataset."""
        return Line(self.method, self.config, self.shots, self.backbone)

    @property
    def title(self) -> str:
        """The dataset, with that of the training if it is another."""
        transferred = self.trained_on != self.dataset
        return f"{self.dataset} (trained on {self.trained_on})" if transferred else self.dataset


class Line(NamedTuple):
    """A method over several datasets or shots; `config` is "several" where they have their own."""

    method: str
    config: str
    shots: int
    backbone: str


def build_frame(runs: Sequence[tuple[str, Run]]) -> pd.DataFrame:
    """A row a run: its fields, `config` and `own`, sorted as the papers print them.

    `own` are runs tested on the dataset that they were trained on.
    """
    frame = pd.DataFrame([run for _, run in runs], columns=list(Run._fields))
    frame["config"] = [config for config, _ in runs]
    # What one run of an experiment does not tell, the others do.
    told = frame["backbone"].where(frame["backbone"] != "")
    frame["backbone"] = told.groupby([frame["method"], frame["config"]]).transform("first")
    frame["backbone"] = frame["backbone"].fillna("")
    frame["own"] = frame["trained_on"] == frame["dataset"]
    for column, order in (
        ("dataset", sorted(frame["dataset"].unique(), key=dataset_order)),
        ("trained_on", sorted(frame["trained_on"].unique(), key=dataset_order)),
        ("method", sorted(frame["method"].unique(), key=method_order)),
        ("classes", list(CLASSES)),
    ):
        frame[column] = pd.Categorical(frame[column], order, ordered=True)
    return frame.sort_values([*EXPERIMENT, "classes", "seed"], ignore_index=True, kind="stable")


def choose(frame: pd.DataFrame, seeds: Sequence[int] | None, decimals: int | None) -> pd.DataFrame:
    """The runs of some seeds, accuracies rounded as a log prints them.

    Raises:
        ValueError: no run has one of the seeds.
    """
    if seeds is not None:
        learning = frame["method"].map(learns).astype(bool)
        known = sorted(set(frame["seed"][learning]))
        if known and not set(known) & set(seeds):
            asked, there = (", ".join(map(str, numbers)) for numbers in (seeds, known))
            raise ValueError(f"no run has the seed {asked}; there are {there}")
        frame = frame[frame["seed"].isin(seeds) | ~learning]
    if decimals is not None:
        rounded = [float(f"{accuracy:.{decimals}f}") for accuracy in frame["accuracy"]]
        frame = frame.assign(accuracy=rounded)
    return frame


def own_runs(frame: pd.DataFrame, *classes: str) -> pd.DataFrame:
    """Runs tested on the dataset that they were trained on; on some classes only, if named."""
    return frame[frame["own"] & frame["classes"].isin(classes or list(CLASSES))]


def scores(frame: pd.DataFrame) -> dict[Experiment, Scores]:
    """The accuracies of every experiment."""
    found: dict[Experiment, Scores] = {}
    for key, members in frame.groupby(EXPERIMENT, observed=True):
        of_classes: dict[str, BySeed] = {
            classes: dict(zip(some["seed"], some["accuracy"], strict=True))
            for classes, some in members.groupby("classes", observed=False)
        }
        harmonic = harmonic_means(of_classes["base"], of_classes["new"])
        found[experiment_of(key)] = {**of_classes, "H": harmonic}
    return found


def experiment_of(key: Sequence[Any]) -> Experiment:
    """The values of EXPERIMENT, as pandas has them, under their names."""
    dataset, method, trained_on, config, shots, backbone = key
    return Experiment(dataset, method, trained_on, config, int(shots), backbone)


def by_line(frame: pd.DataFrame) -> dict[Line, list[Experiment]]:
    """The experiments that an average over datasets is of, in the order of the papers."""
    found: dict[Line, list[Experiment]] = defaultdict(list)
    named = frame.assign(line=lines(frame)).drop_duplicates(EXPERIMENT)
    for key, line in zip(named[EXPERIMENT].itertuples(index=False), named["line"], strict=True):
        experiment = experiment_of(key)
        found[experiment.line._replace(config=line)].append(experiment)
    return dict(sorted(found.items(), key=lambda item: order_of_line(item[0])))


def lines(frame: pd.DataFrame, over_shots: bool = False) -> pd.Series:
    """What each run's config is called in an average over datasets, or in a curve over shots.

    A method's configs are one line unless they are rivals: two for the same dataset and shots, of
    two labs, in folders of the same name, or of models that differ. Shots are apart unless the
    line is over them; there it must be known that the models are equal.
    """
    names = frame["config"].copy()
    by = ["method"] if over_shots else ["method", "shots"]
    for _, members in frame.groupby(by, observed=True):
        if members["config"].nunique() > 1 and not _rivals(members, over_shots):
            names[members.index] = "several"
    return names


def _rivals(members: pd.DataFrame, over_shots: bool) -> bool:
    configs = members.drop_duplicates(["dataset", "trained_on", "shots", "config"])
    twice = configs.duplicated(["dataset", "trained_on", "shots"]).any()
    of_others = members["lab"].nunique() > 1
    same_folder = members.groupby("folder")["config"].nunique().max() > 1
    models = [model_settings(settings) for settings in members["settings"]]
    together: dict[str, str] = {}
    for model in models:
        if not agree(model, together):
            return True
        together |= model
    unknown = over_shots and not all(_is_stated(model) for model in models)
    return bool(twice or of_others or same_folder or unknown)


def _is_stated(model: dict[str, str]) -> bool:
    return any(key.startswith("TRAINER.") for key in model)


def order_of(experiment: Experiment) -> tuple[Any, ...]:
    """Sorts by dataset, then method, then the rest."""
    return (*dataset_order(experiment.dataset), *method_order(experiment.method), experiment[2:])


def order_of_line(line: Line) -> tuple[Any, ...]:
    return (*method_order(line.method), *line)


def known_test_sets(frame: pd.DataFrame) -> dict[tuple[str, str], TestSet]:
    """Those of every (dataset, classes)."""
    return {
        (dataset, classes): TestSet(
            max(len(content.get("class_names") or ()) for content in members["content"]),
            int(members["images"].max()),
        )
        for (dataset, classes), members in frame.groupby(["dataset", "classes"], observed=True)
    }
