"""Ten steps of each kind, measured on this machine."""

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from dassl.engine import TrainerX, build_trainer
from dassl.utils import set_random_seed

from rpo.trainers.iterations import Passes

from .cost import config_of, kind_of
from .job import Job
from .measured import HERE, Kind, Measured, add

STEPS, WARM_UP = 10, 2


def device_name() -> str:
    """What jobs run on here, as tables of measured steps call it."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"cpu, {torch.get_num_threads()} threads"


def kinds(jobs: Sequence[Job], device: str) -> dict[Kind, Job]:
    """A job of each kind that there is among them."""
    found: dict[Kind, Job] = {}
    for job in jobs:
        found.setdefault(kind_of(config_of(job.steps[0]), device), job)
    return found


def measure_all(jobs: Sequence[Job]) -> Iterator[Measured]:
    """Measures each kind, and keeps that for later estimates."""
    for kind, job in kinds(jobs, device_name()).items():
        row = measure(kind, job)
        add([row])
        yield row


def measure(kind: Kind, job: Job) -> Measured:
    """Builds the trainer of a job and takes some of its steps, writing nothing that stays."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        cfg = config_of(job.steps[0]).clone()
        cfg.defrost()
        cfg.OUTPUT_DIR = folder
        set_random_seed(1)
        started = time.perf_counter()
        trainer: Any = build_trainer(cfg)
        load = time.perf_counter() - started
        with torch.no_grad():
            image = median(_seconds(_evaluations(trainer))) / cfg.DATALOADER.TEST.BATCH_SIZE
        steps = list(_steps(trainer, image)) if kind.batch else [0.0]
        if kind.batch:
            trainer.save_model(0, folder)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return Measured(kind, median(steps), min(steps), max(steps), image, load, size, HERE)


def _evaluations(trainer: Any) -> Iterator[Callable[[], Any]]:
    trainer.set_model_mode("eval")
    for batch in islice(trainer.test_loader, WARM_UP + STEPS):
        images, _ = trainer.parse_batch_test(batch)
        yield lambda images=images: trainer.model_inference(images)  # type: ignore[misc]


def _steps(trainer: Any, image: float) -> Iterable[float]:
    """Seconds of training steps; of a method that has none but looks at every image once, those."""
    if type(trainer).run_epoch is not TrainerX.run_epoch:
        return [image * trainer.cfg.DATALOADER.TRAIN_X.BATCH_SIZE]
    trainer.set_model_mode("train")
    trainer.epoch, trainer.num_batches = 0, WARM_UP + STEPS + 1  # no step is the last
    return _seconds(_trainings(trainer))


def _trainings(trainer: Any) -> Iterator[Callable[[], Any]]:
    """Of several passes where one has few steps: what the first one prepares is no step's."""
    loader = trainer.train_loader_x
    for index, batch in enumerate(Passes(loader, WARM_UP + STEPS if len(loader) else 0)):
        trainer.batch_idx = index
        yield lambda batch=batch: trainer.forward_backward(batch)  # type: ignore[misc]


def _seconds(calls: Iterable[Callable[[], Any]]) -> list[float]:
    """Of each call and of the loading before it, but for the first ones."""
    taken = []
    started = time.perf_counter()
    for call in calls:
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - started)
        started = time.perf_counter()
    return taken[WARM_UP:] or taken
