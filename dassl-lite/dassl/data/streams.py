"""Where the random numbers of augmentation come from, in every worker and every epoch."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info


class SeededIndex(int):
    """An index that carries the seed of its epoch to the worker; everywhere else an int."""

    epoch_seed: int

    def __new__(cls, index: int, epoch_seed: int) -> "SeededIndex":
        self = super().__new__(cls, index)
        self.epoch_seed = epoch_seed
        return self

    def __reduce__(self) -> Any:
        return SeededIndex, (int(self), self.epoch_seed)


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
                _seed(seed)
            self.seed = seed
        yield


class ImageStream:
    """AUGMENT_BY image: a stream of its own for every image in every epoch.

    The global streams are left as they were, so nothing depends on who makes the image.
    """

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        if not isinstance(index, SeededIndex):
            yield
            return
        states = torch.get_rng_state(), random.getstate(), np.random.get_state()
        entropy = [index.epoch_seed % 2**64, int(index)]
        _seed(int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]))
        try:
            yield
        finally:
            torch.set_rng_state(states[0])
            random.setstate(states[1])
            np.random.set_state(states[2])


STREAMS: dict[str, Any] = {"worker": WorkerStream, "image": ImageStream}


def _seed(seed: int) -> None:
    """Not `torch.manual_seed`, which would also seed the GPU."""
    torch.default_generator.manual_seed(seed % 2**64)
    random.seed(seed)
    np.random.seed(seed % 2**32)
