"""A report's table as the page shows it: what is in a cell, whose row it is, what is best."""

from collections.abc import Callable, Mapping, Sequence
from math import hypot
from typing import NamedTuple

import pandas as pd

from rpo.report import pooled
from rpo.report.frame import Experiment, known_test_sets
from rpo.report.names import CLASSES
from rpo.report.pooled import Group
from rpo.report.statistics import Noise, Summary, binomial_error, summarise
from rpo.report.table import Cell, Table

METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "top5_accuracy": "top-5 accuracy",
    "ece": "ECE",
}


class PageCell(NamedTuple):
    """A cell; `deviation` and `interval` are the two spreads between which the page switches.

    `room` is for a spread that this cell lacks and others of its column have.
    """

    text: str
    number: bool = False
    missing: bool = False
    deviation: str = ""
    interval: str = ""
    room: bool = False
    best: bool = False
    colour: str = ""
    link: str = ""
    wrap: bool = False


class PageRow(NamedTuple):
    """A row; None as dataset or method means that a filter leaves it alone."""

    cells: list[PageCell]
    dataset: str | None = None
    method: str | None = None
    rule: bool = False


class PageColumn(NamedTuple):
    text: str
    number: bool


class PageTable(NamedTuple):
    title: str
    caption: str
    columns: list[PageColumn]
    rows: list[PageRow]


def page_table(
    table: Table, colours: Mapping[str, str], link: Callable[[Experiment | None], str]
) -> PageTable:
    """A table of the report with links to its runs, methods in their colours, the best bold."""
    numeric = [_is_numeric(column) for column in zip(*table.rows, strict=True)]
    room = [_has_spread(column) for column in zip(*table.rows, strict=True)]
    best = best_cells(table)
    rows, before = [], None
    for index, row in enumerate(table.rows):
        named = dict(zip(table.headers, row, strict=True))
        cells = [
            page_cell(cell, numeric[column])._replace(
                best=(index, column) in best, room=room[column]
            )
            for column, cell in enumerate(row)
        ]
        if "method" in named:
            column = table.headers.index("method")
            colour = colours.get(str(named["method"]), "")
            target = link(table.about[index].experiment) if table.about else ""
            cells[column] = cells[column]._replace(colour=colour, link=target)
        dataset, method = named.get("dataset"), named.get("method")
        rule = before not in (None, dataset)
        rows.append(PageRow(cells, _text(dataset), _text(method), rule))
        before = dataset
    columns = [PageColumn(*pair) for pair in zip(table.headers, numeric, strict=True)]
    return PageTable(table.title, " ".join(table.notes), columns, rows)


def page_cell(cell: Cell, number: bool = True, wrap: bool = False) -> PageCell:
    """A value with two decimals and its spreads; a dash where it is missing."""
    if cell is None or cell == "":
        return PageCell("–", number, missing=True)
    if isinstance(cell, Summary):
        deviation = f"± {cell.std:.2f}" if cell.n > 1 else ""
        interval = "" if cell.ci95 is None else f"± {cell.ci95:.2f}"
        return PageCell(f"{cell.mean:.2f}", True, False, deviation, interval, room=True)
    return PageCell(f"{cell:.2f}" if isinstance(cell, float) else str(cell), number, wrap=wrap)


def simple_table(
    title: str, caption: str, headers: Sequence[str], rows: Sequence[Sequence[Cell]]
) -> PageTable:
    """A table whose rows belong to nobody in particular; its first column is text."""
    columns_of_cells = list(zip(*rows, strict=True))
    numeric = [index > 0 and _is_numeric(cells) for index, cells in enumerate(columns_of_cells)]
    columns = [PageColumn(*pair) for pair in zip(headers, numeric, strict=True)]
    shown = [
        PageRow([page_cell(*pair, wrap=True) for pair in zip(row, numeric, strict=True)])
        for row in rows
    ]
    return PageTable(title, caption, columns, shown)


def _is_numeric(column: Sequence[Cell]) -> bool:
    return all(not isinstance(cell, str) or cell.isdigit() for cell in column)


def _has_spread(column: Sequence[Cell]) -> bool:
    return any(isinstance(cell, Summary) and cell.n > 1 for cell in column)


def best_cells(table: Table) -> set[tuple[int, int]]:
    """(row, column) of the highest accuracy among rows of equal conditions.

    It must lead by more than the binomial error of one seed, and lie that much above chance; and
    lead by more than the standard error over the seeds of both.
    """
    found = set()
    for row, about in enumerate(table.about):
        rivals = [n for n, other in enumerate(table.about) if about.compares_with(other)]
        for column, header in enumerate(table.headers):
            value = _mean(table.rows[row][column])
            others = [table.rows[n][column] for n in rivals if n != row]
            known = [(mean, _error(cell)) for cell in others if (mean := _mean(cell)) is not None]
            if value is None or not known or header not in about.noise:
                continue
            next_best, error = max(known)
            over_seeds = hypot(_error(table.rows[row][column]), error)
            if stands_out(value, next_best, about.noise[header], over_seeds):
                found.add((row, column))
    return found


def stands_out(value: float, next_best: float, noise: Noise, over_seeds: float) -> bool:
    """Whether an accuracy is better than the next, and than chance, by more than its error.

    Args:
        over_seeds: the standard error of the difference to the next.
    """
    margin = 0.005 if noise.error is None else noise.error  # else by what is printed
    clear = value - max(next_best, noise.chance or 0) > margin
    return clear and value - next_best > over_seeds


def _error(cell: Cell) -> float:
    return cell.error if isinstance(cell, Summary) else 0.0


def _mean(cell: Cell) -> float | None:
    if isinstance(cell, Summary):
        return cell.mean
    return cell if isinstance(cell, float) else None


def _text(cell: Cell) -> str | None:
    return None if cell is None else str(cell)


def chance_table(frame: pd.DataFrame) -> PageTable | None:
    """What guessing gives, and how far the number of test images lets an accuracy vary."""
    rows: list[list[Cell]] = []
    for (dataset, classes), (count, images) in known_test_sets(frame).items():
        best = frame["accuracy"][(frame["dataset"] == dataset) & (frame["classes"] == classes)]
        if count or images:
            error = binomial_error(float(best.max()), images) if images else None
            chance = 100 / count if count else None
            names = (dataset, CLASSES[classes], count or None, images or None)
            rows.append([*names, chance, error])
    headers = ["dataset", "tested on", "classes", "test images", "chance", "error of one seed"]
    note = (
        "Percent. Chance is the accuracy of guessing; the error is the binomial standard error of "
        "one seed, at the highest accuracy measured."
    )
    title = "Chance level and sampling error"
    return simple_table(title, note, headers, rows) if rows else None


def metrics_table(group: Group) -> PageTable:
    """A row for base, new and all classes."""
    rows: list[list[Cell]] = []
    for classes, contents in group.parts().items():
        accuracies = group.runs["accuracy"][group.runs["classes"] == classes]
        others = [summarise(pooled.metric(contents, name)) for name in list(METRICS)[1:]]
        rows.append([CLASSES[classes], summarise(accuracies), *others, len(contents)])
    note = "Percent, mean over seeds. ECE is the expected calibration error, 0 is best."
    return simple_table("Metrics", note, ["tested on", *METRICS.values(), "seeds"], rows)


def classes_table(group: Group) -> PageTable | None:
    """A row a class: its accuracy, and its most frequent wrong prediction."""
    rows: list[list[Cell]] = []
    for classes, contents in group.parts().items():
        found = pooled.details(contents)
        if not found:
            continue
        names, counts = found[0]["class_names"], found[0]["per_class_count"]
        values = pooled.accuracies_of_classes(found)
        wrong = _most_frequent_errors(pooled.confusion(found), names)
        rows += [
            [name, classes, count, summarise(values.get(name, [])), wrong.get(name)]
            for name, count in zip(names, counts, strict=True)
        ]
    headers = ["class", "part", "images", "accuracy", "most frequent error"]
    note = (
        "Percent, mean over seeds; the class that is most often predicted wrongly, and for which "
        "share of the images."
    )
    return simple_table("Every class", note, headers, rows) if rows else None


def _most_frequent_errors(
    cells: Sequence[tuple[int, int, int]], names: Sequence[str]
) -> dict[str, str]:
    """Class name to its most frequent wrong prediction and how often it is, of all its images."""
    totals: dict[int, int] = {}
    worst: dict[int, tuple[int, int]] = {}
    for true, predicted, count in cells:
        totals[true] = totals.get(true, 0) + count
        if predicted != true and count > worst.get(true, (0, 0))[0]:
            worst[true] = (count, predicted)
    return {
        names[true]: f"{names[predicted]} ({100 * count / totals[true]:.0f} %)"
        for true, (count, predicted) in worst.items()
    }
