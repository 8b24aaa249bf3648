"""A loader with the random streams of torch's own, but faster; see also `streams`."""

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from .streams import SeededIndex


class EpochSampler(Sampler[int]):
    """The indices of another sampler, each with the seed of the epoch and the stream of its batch.

    Args:
        streams: how many there are; batch i belongs to stream i modulo that. 0: there are none.
    """

    def __init__(self, sampler: Sampler[int], batch_size: int = 1, streams: int = 0) -> None:
        self.sampler = sampler
        self.batch_size, self.streams = batch_size, streams
        self.epoch_seed = 0

    def __iter__(self) -> Iterator[int]:
        for place, index in enumerate(self.sampler):
            stream = place // self.batch_size % self.streams if self.streams else 0
            yield SeededIndex(index, self.epoch_seed, stream)

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]


class Loader(DataLoader[Any]):
    """A DataLoader that takes the same numbers from torch's global stream as the original does.

    Each pass takes one number, the base seed, and then what the sampler takes. Workers that live
    on would take the base seed only once; here every pass takes it, and sends it along with the
    indices, so that workers can continue as if they were new.

    Args:
        batches_ahead: made by a thread while the caller works, without workers.
    """

    def __init__(self, dataset: Any, batches_ahead: int = 0, **options: Any) -> None:
        super().__init__(dataset, **options)
        self._batches_ahead = batches_ahead

    def __iter__(self) -> Any:
        if isinstance(self.sampler, EpochSampler):
            self.sampler.epoch_seed = self._next_base_seed()
            getattr(self.dataset, "fill_cache", lambda: None)()
        batches = super().__iter__()
        if self._batches_ahead:
            return ahead(batches, self._batches_ahead)
        return self._until_an_error(batches) if self.num_workers else batches

    def _until_an_error(self, batches: Any) -> Iterator[Any]:
        """Ends the workers with the first error, which would keep them: when they are collected
        together with it, each is waited for five seconds.
        """
        try:
            yield from batches
        except Exception:
            batches._shutdown_workers()
            self._iterator = None
            raise

    def _next_base_seed(self) -> int:
        """Taken from the stream, or only looked at where torch is about to take it itself."""
        state = torch.get_rng_state()
        seed = int(torch.empty((), dtype=torch.int64).random_())
        if self._iterator is None:
            torch.set_rng_state(state)
        return seed


WAIT = 0.1  # seconds between looks at whether the caller has gone


def ahead(batches: Iterable[Any], depth: int) -> Iterator[Any]:
    """The same batches, up to `depth` of them made ahead; errors come where they would have."""
    queue: Queue[tuple[str, Any]] = Queue(depth)
    gone = threading.Event()

    def put(kind: str, content: Any = None) -> None:
        while not gone.is_set():
            try:
                return queue.put((kind, content), timeout=WAIT)
            except Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                put("batch", batch)
                if gone.is_set():
                    return
            put("end")
        except BaseException as error:  # handed to the caller, whatever it is
            put("error", error)

    return _received(queue, threading.Thread(target=work, daemon=True), gone)


def _received(
    queue: "Queue[tuple[str, Any]]", thread: threading.Thread, gone: threading.Event
) -> Iterator[Any]:
    thread.start()
    try:
        while (received := queue.get())[0] == "batch":
            yield received[1]
        if received[0] == "error":
            raise received[1]
    finally:
        gone.set()
        thread.join()
