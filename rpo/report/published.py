"""Published accuracies, each with its source: rpo/assets/published.csv.

Settings are base2new, cross_dataset, domain_generalization (16 shots, ViT-B/16), the runs in the
logs that the authors of RPO published ("per seed, ..."), and later_methods, which are averages of
methods that this project does not have. What was seen in no source is not in the file.
"""

import csv
import re
from collections import defaultdict
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from rpo.report.pairs import pair_of
from rpo.report.records import Record
from rpo.report.statistics import Summary, summarise
from rpo.report.table import Experiment, by_seed, experiments
from rpo.suggest import unknown

FILE_NAME = "published.csv"
LOGS = "RPO logs"
RUN = re.compile(r"per seed, (\d+) shots, (\w+), seed (\d+)")
SHOTS = 16
TABLE_1_SEEDS = (1, 2, 3)


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


def author_runs() -> list[Record]:
    """RPO's base-to-new runs by its authors, with the one decimal that their logs print."""
    runs = []
    for row in published():
        match = RUN.fullmatch(row.setting)
        if match and row.metric in ("base", "new"):
            shots, config, seed = match.groups()
            names = (row.dataset, row.method, config, int(shots), row.metric, int(seed))
            path = Path(FILE_NAME)
            runs.append(Record(*names, round(row.value, 1), row.dataset, 1, path, {}))
    return runs


@cache
def author_summaries() -> dict[tuple[Experiment, str], Summary | None]:
    """Base, new and H over the seeds of the authors' runs.

    At 16 shots those seeds count that Table 1 of the paper is made of; some datasets have more.
    """
    runs = [run for run in author_runs() if run.shots != SHOTS or run.seed in TABLE_1_SEEDS]
    found = {}
    for experiment, members in experiments(runs).items():
        base = by_seed(run for run in members if run.classes == "base")
        new = by_seed(run for run in members if run.classes == "new")
        found[experiment, "base"] = summarise(base.values())
        found[experiment, "new"] = summarise(new.values())
        found[experiment, "H"] = pair_of(base, new).harmonic
    return found
