"""What a job will take: by runs that have finished, else by measured steps."""

import contextlib
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from dassl.data.datasets import DATASET_REGISTRY

from rpo.commands.train import build_config
from rpo.methods.traits import known_traits
from rpo.registration import section_of
from rpo.report.schema import read_results
from rpo.runs import RESULTS
from rpo.trainers.config import default_config

from .job import Job, Step
from .measured import Kind, Measured, look_up, table
from .state import parse_step

RUNS = "finished runs"
# Of a run's folder where nothing is known of it: checkpoints, log and results.
BYTES_A_RUN = 2_000_000


class Cost(NamedTuple):
    """Seconds of a job, with the least and the most that are expected, and the bytes it leaves."""

    seconds: float
    low: float
    high: float
    bytes: int
    source: str


def expected_seconds(job: Job, device: str) -> float | None:
    """Of a job, by finished runs of the same experiment or by measured steps; None: unknown."""
    cost = by_finished_runs(job) or by_measured_steps(job, device, own_rows())
    return cost.seconds if cost else None


@cache
def own_rows() -> list[Measured]:
    return table()


def by_finished_runs(job: Job) -> Cost | None:
    """By the same steps with other seeds."""
    taken = [sorted(taken_by(step)) for step in job.steps]
    if not all(taken):
        return None
    mean = sum(sum(seconds) / len(seconds) for seconds in taken)
    least, most = sum(each[0] for each in taken), sum(each[-1] for each in taken)
    return Cost(mean, least, most, sum(map(bytes_left_by, job.steps)), RUNS)


def taken_by(step: Step) -> list[float]:
    """Seconds of the step with each seed that has finished, unless `rpo eval` shared the pass."""
    found = (seconds_in(path) for path in step.folder.parent.glob(f"seed*/{RESULTS}"))
    return [seconds for seconds in found if seconds]


def bytes_left_by(step: Step) -> int:
    """The mean of what it left with each seed that has finished."""
    folders = [path.parent for path in step.folder.parent.glob(f"seed*/{RESULTS}")]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) // max(1, len(folders))


@cache
def seconds_in(results: Path) -> float:
    """All that a run says it took; 0 where its results are damaged."""
    try:
        return sum(read_results(results).get("seconds", {}).values())
    except ValueError:
        return 0.0


def by_measured_steps(job: Job, device: str, rows: Sequence[Measured]) -> Cost | None:
    """By the steps and images that it has; None where no step of the kind was measured."""
    cfg = config_of(job.steps[0])
    row = look_up(kind_of(cfg, device), rows)
    if row is None:
        return None
    steps = training_steps(cfg) if job.steps[0].trains else 0
    images = sum(sizes(config_of(step))[1] for step in job.steps)
    rest = images * row.image + len(job.steps) * row.load
    whole = steps * row.step + rest
    # What makes steps slower, other work on the machine, makes all slower.
    low, high = (whole * each / row.step if steps else whole for each in (row.low, row.high))
    return Cost(whole, low, high, row.bytes or BYTES_A_RUN, row.source)


def config_of(step: Step) -> Any:
    return build_config(parse_step(step))


def kind_of(cfg: Any, device: str) -> Kind:
    """What decides how long its steps take."""
    section = section_of(cfg.TRAINER.NAME)
    k = cfg.TRAINER[section].get("K", 0) if section else 0
    learns = cfg.TRAINER.NAME not in known_traits() or known_traits()[cfg.TRAINER.NAME].learns
    batch = cfg.DATALOADER.TRAIN_X.BATCH_SIZE if learns else 0
    return Kind(device, cfg.MODEL.BACKBONE.NAME, cfg.TRAINER.NAME, k, sizes(cfg)[0], batch)


def training_steps(cfg: Any) -> int:
    """Batches of all epochs; the last images of an epoch that fill no batch are left out."""
    images = max(1, cfg.DATASET.NUM_SHOTS) * sizes(cfg)[0]
    return cfg.OPTIM.MAX_EPOCH * max(1, images // cfg.DATALOADER.TRAIN_X.BATCH_SIZE)


def sizes(cfg: Any) -> tuple[int, int]:
    """Classes, and images of the test."""
    dataset = cfg.DATASET
    return _sizes(
        dataset.NAME, dataset.SUBSAMPLE_CLASSES, dataset.ROOT, dataset.FOLDER, dataset.CSV
    )


@cache
def _sizes(name: str, part: str, root: str, folder: str, csv: str) -> tuple[int, int]:
    """As published, where that is known; otherwise the images are looked at."""
    kind = DATASET_REGISTRY.get(name)
    facts = getattr(kind, "facts", None)
    if facts is not None:
        classes, images = facts.classes, facts.sizes[2]
        halves = {"base": ((classes + 1) // 2, images // 2), "new": (classes // 2, images // 2)}
        return halves.get(part, (classes, images))
    cfg = default_config()
    cfg.DATASET.SUBSAMPLE_CLASSES, cfg.DATASET.NUM_SHOTS = part, -1
    cfg.DATASET.ROOT, cfg.DATASET.FOLDER, cfg.DATASET.CSV = root, folder, csv
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = kind(cfg)
    return len(dataset.classnames), len(dataset.test)
