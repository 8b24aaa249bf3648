"""Published accuracies, each with its source: rpo/assets/published.csv.

Settings are base2new, cross_dataset, domain_generalization (16 shots, ViT-B/16), few shots of all
classes ("few-shot, ..."), the runs in the logs that the authors of RPO published ("per seed, ..."),
and later_methods, which are averages of methods that this project does not have. What was seen in
no source is not in the file.
"""

import csv
import re
from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from rpo.report.statistics import BySeed, Summary, harmonic_means, summarise
from rpo.report.table import Cell, Table
from rpo.suggest import unknown

FILE_NAME = "published.csv"
LOGS = "RPO logs"
RUN = re.compile(r"per seed, (\d+) shots, (\w+), seed (\d+)")
FEW_SHOT_ROW = re.compile(r"few-shot, (\d+) shots, (\S+)")  # and the backbone
SHOTS = 16
TABLE_1_SEEDS = (1, 2, 3)
PROTOCOL = (
    "PromptKD and what builds on it distil from a teacher model and are transductive: another "
    "protocol."
)


class Published(NamedTuple):
    """One number of a paper, percent. `confidence` is low where the paper itself was not seen."""

    paper: str
    setting: str
    dataset: str
    method: str
    metric: str
    value: float
    source: str
    confidence: str


@cache
def published() -> tuple[Published, ...]:
    """All rows, in the order of the file."""
    text = (files("rpo.assets") / FILE_NAME).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Published(**{**row, "value": float(row["value"])}) for row in rows)  # type: ignore


@cache
def of_papers(paper: str | None = None) -> dict[tuple[str, ...], list[Published]]:
    """Rows by setting, dataset, method and metric; of one paper, if it is named.

    Raises:
        ValueError: there is no such paper.
    """
    papers = {row.paper for row in published()}
    if paper is not None and paper not in papers:
        raise ValueError(unknown("paper", paper, papers))
    found: dict[tuple[str, ...], list[Published]] = defaultdict(list)
    for row in published():
        if paper in (None, row.paper):
            found[row[1:5]].append(row)
    return found


def few_shot_setting(shots: int, backbone: str) -> str:
    """What the file calls it."""
    return f"few-shot, {shots} shots, {backbone}"


@cache
def few_shot_methods() -> frozenset[str]:
    """Those with values for few shots of all classes."""
    return frozenset(row.method for row in published() if FEW_SHOT_ROW.fullmatch(row.setting))


@cache
def author_runs() -> dict[tuple[str, str, str, int], dict[str, BySeed]]:
    """RPO's base-to-new runs by its authors, with the one decimal that their logs print.

    (dataset, method, config, shots) to "base" and "new" to accuracies by seed.
    """
    found: dict[tuple[str, str, str, int], dict[str, dict[int, float]]] = {}
    for row in published():
        match = RUN.fullmatch(row.setting)
        if match and row.metric in ("base", "new"):
            shots, config, seed = match.groups()
            key = (row.dataset, row.method, config, int(shots))
            runs = found.setdefault(key, {"base": {}, "new": {}})
            runs[row.metric][int(seed)] = round(row.value, 1)
    return found  # type: ignore[return-value]


def author_summary(
    dataset: str, method: str, config: str, shots: int, metric: str, seeds: int
) -> Summary | None:
    """Base, new or H over the seeds of the authors' runs.

    Some datasets have more seeds at 16 shots than the three that Table 1 of the paper is made of;
    these three count, unless more than three seeds of ours are to be compared.
    """
    runs = author_runs().get((dataset, method, config, shots), {"base": {}, "new": {}})
    if shots == SHOTS and seeds <= len(TABLE_1_SEEDS):
        runs = {
            name: {seed: value for seed, value in found.items() if seed in TABLE_1_SEEDS}
            for name, found in runs.items()
        }
    found = {**runs, "H": harmonic_means(runs["base"], runs["new"])}
    return summarise(found[metric].values())


def later_methods() -> Table:
    """Averages over the 11 datasets of methods that are not in this project, best H first."""
    found: dict[tuple[str, str, str, str], dict[str, float]] = defaultdict(dict)
    for row in published():
        if row.setting == "later_methods":
            found[row.method, row.paper, row.confidence, row.source][row.metric] = row.value
    rows: list[tuple[Cell, ...]] = [
        (method, values.get("base"), values.get("new"), values.get("H"), *rest)
        for (method, *rest), values in found.items()
    ]
    rows.sort(key=lambda row: -float(str(row[3])))
    headers = ("method", "base", "new", "H", "paper", "confidence", "source")
    title = "Later methods, published averages over the 11 datasets, accuracy in percent"
    return Table("later", title, headers, rows, (PROTOCOL,))
