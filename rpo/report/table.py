"""A table before it is written in any format, and the runs behind one of its rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rpo.report.names import dataset_order, method_order
from rpo.report.records import Record
from rpo.report.statistics import Summary

# None is a missing value, which is not the same as zero or an empty text.
Cell = str | int | float | Summary | None


class Table(NamedTuple):
    """Rows below headers; `name` is what `--table` calls it, `notes` stand below it."""

    name: str
    title: str
    headers: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    notes: tuple[str, ...] = ()


class Experiment(NamedTuple):
    """What a row is about: everything but the seed and the classes."""

    dataset: str
    method: str
    config: str
    shots: int


class Line(NamedTuple):
    """A method over several datasets; `config` is "several" where each dataset has its own."""

    method: str
    config: str
    shots: int


def cell_text(cell: Cell, spread: str = "std") -> str:
    """Two decimals; a dash for what is missing; a single number has no spread."""
    if cell is None:
        return "-"
    if isinstance(cell, Summary):
        width = getattr(cell, spread, None) if cell.n > 1 else None
        return two_decimals(cell.mean) + ("" if width is None else f" ± {width:.2f}")
    return two_decimals(cell) if isinstance(cell, float) else str(cell)


def two_decimals(number: float) -> str:
    """Without the sign of a zero."""
    text = f"{number:.2f}"
    return "0.00" if text == "-0.00" else text


def experiments(records: Iterable[Record]) -> dict[Experiment, list[Record]]:
    """Records by experiment, in the order of the papers."""
    found: dict[Experiment, list[Record]] = defaultdict(list)
    for record in records:
        found[Experiment(record.dataset, record.method, record.config, record.shots)].append(record)
    return dict(sorted(found.items(), key=lambda item: order(item[0])))


def order(experiment: Experiment) -> tuple[object, ...]:
    """Sorts by dataset, then method, then config and shots."""
    dataset, method, config, shots = experiment
    return (*dataset_order(dataset), *method_order(method), config, shots)


def lines(found: Iterable[Experiment]) -> dict[Line, list[Experiment]]:
    """Experiments by line. Configs are one line unless a dataset was run with two of them."""
    together: dict[tuple[str, int], list[Experiment]] = defaultdict(list)
    for experiment in found:
        together[experiment.method, experiment.shots].append(experiment)
    result: dict[Line, list[Experiment]] = defaultdict(list)
    for (method, shots), members in together.items():
        shared = shared_config(members)
        for member in members:
            result[Line(method, shared or member.config, shots)].append(member)
    return dict(sorted(result.items(), key=lambda item: (*method_order(item[0].method), *item[0])))


def shared_config(members: Sequence[Experiment]) -> str | None:
    """What to call the configs of a method's runs together; None if they are rivals.

    They are rivals where the same dataset was run at the same number of shots with two of them.
    """
    configs = {member.config for member in members}
    if len({(member.dataset, member.shots) for member in members}) < len(members):
        return None if len(configs) > 1 else members[0].config
    return "several" if len(configs) > 1 else members[0].config


def by_seed(records: Iterable[Record]) -> dict[int, float]:
    """Accuracies in percent by seed."""
    return {record.seed: record.accuracy for record in records}


def shown_shots(shots: int) -> int | None:
    """Shots as a cell: zero-shot methods, and runs on all images, have none."""
    return shots if shots > 0 else None


def span(counts: Iterable[int]) -> str:
    """Several counts as a cell: "3", or "1-3" where they differ."""
    numbers = sorted(set(counts))
    return "-".join(str(number) for number in numbers[:: max(1, len(numbers) - 1)])


def log_note(records: Sequence[Record]) -> tuple[str, ...]:
    """Says how many of the runs have one decimal only, and whose they are."""
    rounded = [record for record in records if record.decimals is not None]
    if not rounded:
        return ()
    whose = sorted({f"{record.method} {record.config}" for record in rounded})
    return (
        f"{len(rounded)} of {len(records)} accuracies were read from log.txt, which has one "
        f"decimal: {', '.join(whose)}.",
    )
