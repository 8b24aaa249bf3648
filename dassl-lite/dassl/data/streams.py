"""Where the random numbers of augmentation come from, in every worker and every epoch."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info


class SeededIndex(int):
    """An index that carries to the worker the seed of its epoch and the stream of its batch."""

    epoch_seed: int
    stream: int

    def __new__(cls, index: int, epoch_seed: int, stream: int = 0) -> "SeededIndex":
        self = super().__new__(cls, index)
        self.epoch_seed = epoch_seed
        self.stream = stream
        return self

    def __reduce__(self) -> Any:
        return SeededIndex, (int(self), self.epoch_seed, self.stream)


class WorkerStream:
    """AUGMENT_BY worker: one stream a worker, which starts anew in every epoch.

    A new worker is seeded by torch; one that lives on seeds itself when the epoch changes.
    """

    def __init__(self) -> None:
        self.seed: int | None = None

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        worker = get_worker_info()
        if worker is not None and isinstance(index, SeededIndex):
            seed = index.epoch_seed + worker.id
            if seed != (worker.seed if self.seed is None else self.seed):
                _seed_as_worker(index.epoch_seed, worker.id)
            self.seed = seed
        yield


class VirtualWorkerStream:
    """DATALOADER.STREAMS: the streams of that many workers, whoever makes the images.

    A batch is drawn from the stream of the worker that would have made it; the global streams are
    left as they were.
    """

    def __init__(self) -> None:
        self.epoch_seed: int | None = None
        self.states: dict[int, Any] = {}

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        if not isinstance(index, SeededIndex):
            yield
            return
        if index.epoch_seed != self.epoch_seed:
            self.epoch_seed, self.states = index.epoch_seed, {}
        before = _states()
        if index.stream in self.states:
            _restore(self.states[index.stream])
        else:
            _seed_as_worker(index.epoch_seed, index.stream)
        try:
            yield
        finally:
            self.states[index.stream] = _states()
            _restore(before)


class ImageStream:
    """AUGMENT_BY image: a stream of its own for every image in every epoch.

    The global streams are left as they were, so nothing depends on who makes the image.
    """

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        if not isinstance(index, SeededIndex):
            yield
            return
        before = _states()
        entropy = [index.epoch_seed % 2**64, int(index)]
        _seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))
        try:
            yield
        finally:
            _restore(before)


STREAMS: dict[str, Any] = {"worker": WorkerStream, "image": ImageStream}


def real_workers(wanted: int, streams: int) -> int:
    """The most processes, at most `wanted`, that can share so many streams.

    Batch i belongs to stream i modulo streams and is made by process i modulo processes: a stream
    stays in one process if their number divides that of the streams. No streams set no limit.
    """
    return next((n for n in range(wanted, 0, -1) if streams % n == 0), 0) if streams else wanted


def _states() -> tuple[Any, Any, Any]:
    return torch.get_rng_state(), random.getstate(), np.random.get_state()


def _restore(states: tuple[Any, Any, Any]) -> None:
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    np.random.set_state(states[2])


def _seed_as_worker(base_seed: int, worker: int) -> None:
    """Seed as torch seeds a new worker."""
    _seed(base_seed + worker)
    np.random.seed(_numpy_seed(base_seed, worker))


def _numpy_seed(base_seed: int, worker: int) -> Any:
    try:
        from torch.utils.data._utils.worker import _generate_state
    except ImportError:  # not part of torch's interface
        return (base_seed + worker) % 2**32
    return _generate_state(base_seed, worker)


def _seed(seed: int) -> None:
    """Not `torch.manual_seed`, which would also seed the GPU."""
    torch.default_generator.manual_seed(seed % 2**64)
    random.seed(seed)
    np.random.seed(seed % 2**32)
