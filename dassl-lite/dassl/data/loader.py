"""A loader with the random streams of torch's own, but faster; see also `streams`."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from .prefetch import ahead
from .streams import SeededIndex


class EpochSampler(Sampler[int]):
    """The indices of another sampler, each with the seed of the epoch."""

    def __init__(self, sampler: Sampler[int]) -> None:
        self.sampler = sampler
        self.epoch_seed = 0

    def __iter__(self) -> Iterator[int]:
        return (SeededIndex(index, self.epoch_seed) for index in self.sampler)

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
        return ahead(batches, self._batches_ahead) if self._batches_ahead else batches

    def _next_base_seed(self) -> int:
        """Taken from the stream, or only looked at where torch is about to take it itself."""
        state = torch.get_rng_state()
        seed = int(torch.empty((), dtype=torch.int64).random_())
        if self._iterator is None:
            torch.set_rng_state(state)
        return seed
