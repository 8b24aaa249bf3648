"""Cases: every method, dataset, number of shots and seed that a command asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

from rpo.methods.traits import Traits, known_traits

from .datasets import Source, find_source
from .files import check_names
from .presets import Preset
from .protocols import Protocol, Variant


class Case(NamedTuple):
    """What a job is about.

    Attributes:
        name: that of the variant; empty for a method that is run as it is.
        shots, seed: 0 and None for a method that learns nothing.
    """

    name: str
    variant: Variant
    source: Source
    shots: int = 0
    seed: int | None = None

    @property
    def method(self) -> str:
        return self.variant.method

    @property
    def learns(self) -> bool:
        return self.seed is not None

    @property
    def traits(self) -> Traits:
        """The method's; of one from elsewhere those of a method that learns."""
        known = known_traits().get(self.method)
        return known or Traits(order=0, colour="", marker="", folder=self.method.lower())

    def label(self) -> str:
        parts = [f"{self.method} {self.name}".rstrip(), self.source.title]
        if self.learns:
            parts += [f"{self.shots} shot{'s' if self.shots != 1 else ''}", f"seed {self.seed}"]
        return ", ".join(parts)


@dataclass(frozen=True)
class Choice:
    """What the command line selects of a protocol; what is empty is as the protocol says.

    Attributes:
        swept: KEY VALUE pairs of this run among those of a sweep.
        options: KEY VALUE pairs of all runs.
    """

    methods: Sequence[str] = ()
    datasets: Sequence[str] = ()
    seeds: Sequence[int] = ()
    shots: Sequence[int] = ()
    variants: Sequence[str] = ()
    root: str | None = None
    output: Path = Path("output")
    swept: Sequence[str] = ()
    options: Sequence[str] = ()


def make_cases(protocol: Protocol, preset: Preset, choice: Choice) -> Iterator[Case]:
    """Every case, method by method.

    Raises:
        ValueError: a method, variant or dataset does not exist; the nearest one is named. Or two
            datasets have the same name, a seed is negative, or there is to be no labelled image.
    """
    sources = distinct(choice.datasets or protocol.datasets)
    seeds = choice.seeds or protocol.seeds
    if min(seeds, default=0) < 0:
        raise ValueError(
            f"seed {min(seeds)} would leave a run without one, never to be repeated; --seeds takes "
            "0 and more, as 1 2 3"
        )
    shots = choice.shots or protocol.shots
    if min(shots, default=1) < 1:
        raise ValueError(
            f"{min(shots)} shots: --shots takes 1 and more labelled images a class, as 1 2 4; "
            "methods that learn nothing need none"
        )
    runs = list(product(shots, seeds))
    for name, variant in _variants(protocol, preset, choice):
        for source in sources:
            case = Case(name, variant, source)
            if case.traits.learns:
                yield from (case._replace(shots=number, seed=seed) for number, seed in runs)
            else:
                yield case


def distinct(typed: Sequence[str]) -> list[Source]:
    """The datasets of some names, folders and CSVs.

    Raises:
        ValueError: there is no such dataset, or two would write to the same folders.
    """
    known: dict[str, tuple[Source, str]] = {}
    for each in typed:
        source = find_source(each)
        before, where = known.setdefault(source.name, (source, each))
        if before != source:
            raise ValueError(
                f'two datasets are called "{source.name}": {where} and {each}. Run them one after '
                "the other with another --output each, or rename a folder"
            )
    return [source for source, _ in known.values()]


def _variants(protocol: Protocol, preset: Preset, choice: Choice) -> list[tuple[str, Variant]]:
    """The protocol's variants by name or, if it has none, the methods as they are."""
    every = {**known_traits(), **preset.configs}
    check_names(f"method in the preset {preset.name},", choice.methods, every)
    if choice.variants and not protocol.variants:
        raise ValueError(
            f"the protocol {protocol.name} has no variants: --variants goes with others"
        )
    check_names(f"variant in the protocol {protocol.name},", choice.variants, protocol.variants)
    methods, names = choice.methods or preset.methods(), choice.variants
    known = list(protocol.variants.items())
    if not known:
        default = protocol.methods or choice.methods or preset.methods()
        known = [("", Variant(method)) for method in default]
    found = [
        (name, variant)
        for name, variant in known
        if variant.method in methods and (not names or name in names)
    ]
    if not found:
        wanted = ", ".join(methods)
        raise ValueError(f"the protocol {protocol.name} has nothing to run with {wanted}")
    return found
