"""A report's table as the page shows it: what is in a cell, whose row it is, what is best."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rpo.report.statistics import Summary
from rpo.report.table import Cell, Table

# Tables of accuracies, in which the best of a dataset is set bold.
OF_ACCURACIES = ("base2new", "transfer", "shots")
# (dataset, method, config, shots) of a row to the link of its runs, or an empty text.
Link = Callable[[Mapping[str, Cell]], str]


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


def page_table(table: Table, colours: Mapping[str, str], link: Link) -> PageTable:
    """A table of the report with links to its runs, methods in their colours, the best bold."""
    numeric = [_is_numeric(column) for column in zip(*table.rows, strict=True)]
    room = [_has_spread(column) for column in zip(*table.rows, strict=True)]
    best = _best(table) if table.name in OF_ACCURACIES else set()
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
            cells[column] = cells[column]._replace(colour=colour, link=link(named))
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


def _best(table: Table) -> set[tuple[int, int]]:
    """(row, column) of the highest mean among rows of the same dataset and classes."""
    blocks: dict[tuple[Cell, ...], list[int]] = defaultdict(list)
    keys = [table.headers.index(name) for name in ("dataset", "classes") if name in table.headers]
    for index, row in enumerate(table.rows):
        blocks[tuple(row[key] for key in keys)].append(index)
    found = set()
    for rows in blocks.values():
        for column in range(len(table.headers)):
            values = {row: _mean(table.rows[row][column]) for row in rows}
            numbers = [value for value in values.values() if value is not None]
            if len(numbers) > 1 and min(numbers) < max(numbers):
                # Equal as printed is equally good.
                found |= {
                    (row, column)
                    for row, value in values.items()
                    if value is not None and f"{value:.2f}" == f"{max(numbers):.2f}"
                }
    return found


def _mean(cell: Cell) -> float | None:
    if isinstance(cell, Summary):
        return cell.mean
    return cell if isinstance(cell, float) else None


def _text(cell: Cell) -> str | None:
    return None if cell is None else str(cell)
