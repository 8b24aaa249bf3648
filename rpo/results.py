"""results.json of every run, and the base / new / H table made of them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, pstdev
from typing import Any, NamedTuple

from rpo.files import write_json

FILE_NAME = "results.json"
HEADERS = ("dataset", "method", "config", "shots", "base", "new", "H", "seeds")


class Experiment(NamedTuple):
    """What a row of the table is about: everything but seed and base / new."""

    dataset: str
    method: str
    config: str
    shots: int


# Accuracy in percent by seed, under "base" and "new".
Accuracies = dict[str, dict[int, float]]


def write_results(folder: str | Path, record: dict[str, Any]) -> Path:
    """Writes a run's record to results.json in its folder, whole or not at all."""
    path = Path(folder) / FILE_NAME
    write_json(path, record)
    return path


def harmonic_mean(base: float, new: float) -> float:
    """H of two accuracies; 0 if either is 0."""
    return 2 * base * new / (base + new) if base and new else 0.0


def collect(folders: Iterable[str | Path]) -> dict[Experiment, Accuracies]:
    """Test accuracies of every results.json below the folders.

    Raises:
        FileNotFoundError: a folder holds none.
    """
    found: dict[Experiment, Accuracies] = defaultdict(lambda: {"base": {}, "new": {}})
    for folder in folders:
        paths = sorted(Path(folder).rglob(FILE_NAME))
        if not paths:
            raise FileNotFoundError(f"there is no {FILE_NAME} in or below {folder}")
        for path in paths:
            _add(found, path)
    return dict(found)


def _add(found: dict[Experiment, Accuracies], path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    accuracy = record["metrics"].get("test", {}).get("accuracy")
    if accuracy is None or record["classes"] not in ("base", "new"):
        return
    key = Experiment(record["dataset"], record["method"], _config_name(path), record["shots"])
    found[key][record["classes"]][record["seed"]] = accuracy


def _config_name(path: Path) -> str:
    """The folder above `seed<k>`, which the scripts name after the trainer's YAML file."""
    folder = path.parent
    return folder.parent.name if folder.name.startswith("seed") else folder.name


def table(found: dict[Experiment, Accuracies]) -> list[tuple[str, ...]]:
    """One row an experiment, in the order of HEADERS.

    A cell is the mean over seeds with the population standard deviation; H is the mean of the
    seeds' harmonic means. What was not measured is shown as a dash.
    """
    rows = []
    for experiment, accuracies in sorted(found.items()):
        base, new = accuracies["base"], accuracies["new"]
        both = sorted(base.keys() & new.keys())
        harmonic = [harmonic_mean(base[seed], new[seed]) for seed in both]
        cells = [_cell(list(values)) for values in (base.values(), new.values(), harmonic)]
        shots = str(experiment.shots) if experiment.shots > 0 else "-"
        rows.append((*experiment[:3], shots, *cells, str(len(base.keys() | new.keys()))))
    return rows


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    spread = f" ± {pstdev(values):.2f}" if len(values) > 1 else ""
    return f"{mean(values):.2f}{spread}"
