"""Records that belong together, and what is pooled over their seeds."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any, NamedTuple

from rpo.report.names import ZERO_SHOT, dataset_order, method_order
from rpo.report.record import Record

CLASSES = {"base": "base classes", "new": "new classes", "all": "all classes"}


class Group(NamedTuple):
    """The runs of one dataset, method, configuration and number of shots: seeds and classes."""

    dataset: str
    trained_on: str
    method: str
    config: str
    shots: int
    records: list[Record]

    @property
    def name(self) -> str:
        """For file names and links: letters, digits and dashes."""
        source = "" if self.trained_on == self.dataset else f"from {self.trained_on}"
        words = (self.dataset, source, self.method, self.config, f"shots {self.shots}")
        return slug(" ".join(word for word in words if word))

    def parts(self) -> dict[str, list[Record]]:
        """Its records by "base", "new" and "all", in this order, the seeds ascending."""
        records = sorted(self.records, key=lambda record: record.seed)
        found = {classes: [r for r in records if r.classes == classes] for classes in CLASSES}
        return {classes: records for classes, records in found.items() if records}


def group(records: Iterable[Record]) -> list[Group]:
    """Groups in the papers' order of datasets and methods."""
    found: dict[tuple[str, str, str, str, int], list[Record]] = defaultdict(list)
    for record in records:
        shots = shots_of(record)
        key = (record.dataset, record.trained_on, record.method, record.config, shots)
        found[key].append(record)
    groups = [Group(*key, members) for key, members in found.items()]
    return sorted(
        groups,
        key=lambda one: (dataset_order(one.dataset), method_order(one.method), one[1:5]),
    )


def shots_of(record: Record) -> int:
    """Shots a class; 0 of what is not trained, whatever it was given; -1 for all images."""
    return 0 if record.method in ZERO_SHOT else record.shots


def series(records: Iterable[Record]) -> dict[tuple[str, str], str]:
    """(method, config) to its label: the method, and its configuration where it has several."""
    pairs = sorted({record[1:3] for record in records}, key=lambda p: (method_order(p[0]), p[1]))
    several = Counter(method for method, _ in pairs)
    return {pair: " ".join(pair) if several[pair[0]] > 1 else pair[0] for pair in pairs}


def details(records: Iterable[Record]) -> list[Mapping[str, Any]]:
    """What was recorded of each class, of runs on the same classes as the first that has it."""
    found = [record.content for record in records if _detail(record.content)]
    return [
        {**_detail(content), "class_names": content["class_names"]}
        for content in found
        if content.get("class_names") == found[0].get("class_names")
    ]


def _detail(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return (content.get("details") or {}).get("test") or {}


def histories(records: Iterable[Record]) -> dict[int, Sequence[Mapping[str, Any]]]:
    """Seed to the epochs of its training, of those runs that recorded them."""
    return {
        record.seed: record.content["history"]
        for record in records
        if record.content.get("history")
    }


def accuracies_of_classes(found: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Class name to the seeds' accuracies in percent; classes without an image are left out."""
    values: dict[str, list[float]] = {}
    for detail in found:
        for name, accuracy in zip(detail["class_names"], detail["per_class_accuracy"], strict=True):
            if accuracy is not None:
                values.setdefault(name, []).append(accuracy)
    return values


def confusion(found: Iterable[Mapping[str, Any]]) -> list[tuple[int, int, int]]:
    """(true, predicted, count) summed over seeds."""
    total: Counter[tuple[int, int]] = Counter()
    for detail in found:
        for true, predicted, count in detail["confusion"]:
            total[true, predicted] += count
    return [(*cell, count) for cell, count in sorted(total.items())]


def reliability(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The bins of all seeds together: counts add up, means are weighted by them."""
    return [_pool(bins) for bins in zip(*(d["reliability"] for d in found), strict=True)]


def _pool(bins: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    count = sum(cell["count"] for cell in bins)
    pooled = {"low": bins[0]["low"], "high": bins[0]["high"], "count": count}
    for name in ("confidence", "accuracy"):
        weighted = [cell["count"] * cell[name] for cell in bins if cell["count"]]
        pooled[name] = sum(weighted) / count if count else None
    return pooled


def mean_metric(records: Iterable[Record], name: str) -> float | None:
    """The seeds' mean of a metric, None where no run has it."""
    metrics = [(record.content.get("metrics") or {}).get("test", {}) for record in records]
    values = [metric[name] for metric in metrics if metric.get(name) is not None]
    return mean(values) if values else None


def slug(text: str) -> str:
    """Words with dashes between them, safe as a file name and as a link."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()
