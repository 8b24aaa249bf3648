"""Protocols: what is trained on what, and evaluated on what; files in configs/protocols."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .files import build, read_content


@dataclass(frozen=True)
class Variant:
    """A method with some keys changed."""

    method: str
    options: Sequence[Any] = ()


@dataclass(frozen=True)
class Protocol:
    """What to train on what, and what to evaluate it on.

    Attributes:
        name: that of its file, and of its output folder.
        train: the classes to train on, base or all.
        test: further classes of the same dataset to evaluate on.
        datasets: names of files in configs/datasets.
        transfer: other datasets, evaluated on all of their classes.
        shots: labelled images a class.
        methods: names of trainers; empty: all of the preset.
        variants: name to changed method; where there are any, only they are run.
        options: KEY VALUE pairs for every method that learns.
        table: the one of `rpo report` that its runs are for; empty: all.
    """

    name: str
    title: str
    train: str
    datasets: Sequence[str]
    shots: Sequence[int]
    seeds: Sequence[int]
    test: Sequence[str] = ()
    transfer: Sequence[str] = ()
    methods: Sequence[str] = ()
    variants: Mapping[str, Variant] = field(default_factory=dict)
    options: Sequence[Any] = ()
    table: str = ""


def read_protocol(name: str) -> Protocol:
    """The protocol of a name in configs/protocols, or of a YAML file.

    Raises:
        FileNotFoundError: there is none; the nearest name is given. ValueError: it is no protocol.
    """
    path, content = read_content("protocol", name)
    variants = content.get("variants") or {}
    content["variants"] = {key: build(Variant, path, value) for key, value in variants.items()}
    return build(Protocol, path, {"name": path.stem, **content})
