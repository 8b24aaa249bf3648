"""What is pooled over the seeds of one experiment: classes, confusion matrix, calibration, loss."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from rpo.report.frame import EXPERIMENT, Experiment, experiment_of

Content: TypeAlias = Mapping[str, Any]
LONGEST_NAME = 150  # of a file, with room for what is put behind it


class Group(NamedTuple):
    """The runs of one experiment; `name` is unique, for file names and links."""

    name: str
    experiment: Experiment
    runs: pd.DataFrame

    def parts(self) -> dict[str, list[Content]]:
        """The results of its runs on "base", "new" and "all", in this order, seeds ascending."""
        found = self.runs.groupby("classes", observed=True)
        return {classes: list(members["content"]) for classes, members in found}


def groups(frame: pd.DataFrame) -> list[Group]:
    """In the papers' order of datasets and methods."""
    taken: set[str] = set()
    found = []
    for key, members in frame.groupby(EXPERIMENT, observed=True):
        one = experiment_of(key)
        source = "" if one.trained_on == one.dataset else f"from {one.trained_on}"
        words = (one.dataset, source, one.method, one.config, f"shots {one.shots}")
        name = slug(" ".join(word for word in words if word), taken)
        found.append(Group(name, one, members))
    return found


def slug(text: str, taken: set[str]) -> str:
    """Words with dashes between them, safe as a file name and as a link, and not taken before."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:LONGEST_NAME]
    name, number = words, 1
    while name in taken:
        number += 1
        name = f"{words}-{number}"
    taken.add(name)
    return name


def details(contents: Iterable[Content]) -> list[Content]:
    """What was recorded of each class, of runs on the same classes and bins as the first."""
    found = [
        {**content["details"]["test"], "class_names": content["class_names"]}
        for content in contents
        if (content.get("details") or {}).get("test")
    ]
    return [one for one in found if _kind(one) == _kind(found[0])]


def _kind(detail: Content) -> tuple[Any, ...]:
    bins = [(cell["low"], cell["high"]) for cell in detail["reliability"]]
    return detail["class_names"], bins


def histories(runs: pd.DataFrame) -> dict[int, Sequence[Content]]:
    """Seed to the epochs of its training, of those runs that recorded them."""
    pairs = zip(runs["seed"], runs["content"], strict=True)
    return {seed: content["history"] for seed, content in pairs if content.get("history")}


def accuracies_of_classes(found: Sequence[Content]) -> dict[str, list[float]]:
    """Class name to the seeds' accuracies in percent; classes without an image are left out."""
    values: dict[str, list[float]] = {}
    for detail in found:
        for name, accuracy in zip(detail["class_names"], detail["per_class_accuracy"], strict=True):
            if accuracy is not None:
                values.setdefault(name, []).append(accuracy)
    return values


def confusion(found: Iterable[Content]) -> list[tuple[int, int, int]]:
    """(true, predicted, count) summed over seeds."""
    total: Counter[tuple[int, int]] = Counter()
    for detail in found:
        for true, predicted, count in detail["confusion"]:
            total[true, predicted] += count
    return [(*cell, count) for cell, count in sorted(total.items())]


def reliability(found: Sequence[Content]) -> list[dict[str, Any]]:
    """The bins of all seeds together: counts add up, means are weighted by them."""
    return [_pool(bins) for bins in zip(*(d["reliability"] for d in found), strict=True)]


def _pool(bins: Sequence[Content]) -> dict[str, Any]:
    count = sum(cell["count"] for cell in bins)
    pooled = {"low": bins[0]["low"], "high": bins[0]["high"], "count": count}
    for name in ("confidence", "accuracy"):
        weighted = [cell["count"] * cell[name] for cell in bins if cell["count"]]
        pooled[name] = sum(weighted) / count if count else None
    return pooled


def metric(contents: Iterable[Content], name: str) -> list[float]:
    """The values of a metric of the test set, of those results that have it."""
    values = ((content.get("metrics") or {}).get("test", {}).get(name) for content in contents)
    return [value for value in values if value is not None]


def mean_metric(contents: Iterable[Content], name: str) -> float | None:
    """The seeds' mean of a metric, None where no run has it."""
    values = metric(contents, name)
    return mean(values) if values else None
