"""Samplers by name. Those by domain and by class draw from Python's global `random`, as Dassl's."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import RandomSampler, Sampler, SequentialSampler

from dassl.utils import check_availability


class SeqDomainSampler(Sampler[int]):
    """Batches of equally many random images of every domain, domains in order.

    Args:
        data_source: `Datum`s.
        batch_size: a multiple of the number of domains.

    Raises:
        ValueError: it is no such multiple.
    """

    def __init__(self, data_source: Sequence[Any], batch_size: int) -> None:
        self.members = _grouped(data_source, "domain")
        self.domains = sorted(self.members)
        self._share(batch_size, len(self.domains))

    def _share(self, batch_size: int, domains: int) -> None:
        if batch_size % domains:
            raise ValueError(f"batches of {batch_size} cannot be shared by {domains} domains")
        self.per_domain = batch_size // domains
        self.length = len(list(iter(self)))

    def chosen_domains(self) -> list[int]:
        """Return the domains of the next batch."""
        return self.domains

    def __iter__(self) -> Iterator[int]:
        left = {domain: list(indices) for domain, indices in self.members.items()}
        taken: list[int] = []
        enough = True
        while enough:
            for domain in self.chosen_domains():
                some = random.sample(left[domain], self.per_domain)
                taken += some
                left[domain] = [index for index in left[domain] if index not in set(some)]
                enough &= len(left[domain]) >= self.per_domain
        return iter(taken)

    def __len__(self) -> int:
        return self.length


class RandomDomainSampler(SeqDomainSampler):
    """The same with `n_domain` random domains a batch; 0 takes all."""

    def __init__(self, data_source: Sequence[Any], batch_size: int, n_domain: int) -> None:
        self.members = _grouped(data_source, "domain")
        self.domains = list(self.members)
        self.n_domain = n_domain if n_domain and n_domain > 0 else len(self.domains)
        self._share(batch_size, self.n_domain)

    def chosen_domains(self) -> list[int]:
        return random.sample(self.domains, self.n_domain)


class RandomClassSampler(Sampler[int]):
    """Batches of random classes with `n_ins` images each.

    Raises:
        ValueError: a batch is smaller than `n_ins`, or there are not enough classes for one.
    """

    def __init__(self, data_source: Sequence[Any], batch_size: int, n_ins: int) -> None:
        self.members = _grouped(data_source, "label")
        self.n_ins = n_ins
        self.classes_a_batch = batch_size // n_ins
        if not 1 <= self.classes_a_batch <= len(self.members):
            raise ValueError(
                f"batches of {batch_size} with {n_ins} images a class need other than the "
                f"{len(self.members)} classes there are"
            )
        self.length = len(list(iter(self)))

    def __iter__(self) -> Iterator[int]:
        groups = {label: self._groups(indices) for label, indices in self.members.items()}
        available, taken = list(self.members), []
        while len(available) >= self.classes_a_batch:
            for label in random.sample(available, self.classes_a_batch):
                taken += groups[label].pop(0)
                if not groups[label]:
                    available.remove(label)
        return iter(taken)

    def _groups(self, indices: Sequence[int]) -> list[list[int]]:
        """Return shuffled images of a class in groups of `n_ins`; few of them are repeated."""
        drawn: Any = list(indices)
        if len(drawn) < self.n_ins:
            drawn = np.random.choice(drawn, size=self.n_ins, replace=True)
        random.shuffle(drawn)
        whole = len(drawn) // self.n_ins
        parts = (drawn[start * self.n_ins : (start + 1) * self.n_ins] for start in range(whole))
        return [[int(index) for index in part] for part in parts]

    def __len__(self) -> int:
        return self.length


def _grouped(data_source: Sequence[Any], attribute: str) -> dict[int, list[int]]:
    """Indices by domain or label, in the order of first appearance."""
    groups: dict[int, list[int]] = {}
    for index, item in enumerate(data_source):
        groups.setdefault(getattr(item, attribute), []).append(index)
    return groups


SAMPLERS: dict[str, Any] = {
    "RandomSampler": lambda source, size, n_domain, n_ins: RandomSampler(source),
    "SequentialSampler": lambda source, size, n_domain, n_ins: SequentialSampler(source),
    "RandomDomainSampler": lambda source, size, n_domain, n_ins: RandomDomainSampler(
        source, size, n_domain
    ),
    "SeqDomainSampler": lambda source, size, n_domain, n_ins: SeqDomainSampler(source, size),
    "RandomClassSampler": lambda source, size, n_domain, n_ins: RandomClassSampler(
        source, size, n_ins
    ),
}


def build_sampler(
    sampler_type: str,
    cfg: Any = None,
    data_source: Any = None,
    batch_size: int = 32,
    n_domain: int = 0,
    n_ins: int = 16,
) -> Sampler[int]:
    """Return the sampler named `sampler_type` over `data_source`; raise `UnknownNameError`."""
    check_availability(sampler_type, SAMPLERS, kind="sampler")
    return SAMPLERS[sampler_type](data_source, batch_size, n_domain, n_ins)
