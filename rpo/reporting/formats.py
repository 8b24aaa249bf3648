"""Tables as text: for the terminal, Markdown, LaTeX (booktabs), CSV, JSON."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from tabulate import tabulate

from rpo.reporting.statistics import Summary
from rpo.reporting.table import Cell, Table

SPREADS = {
    "std": "± is the standard deviation over seeds (population, as in the papers).",
    "ci95": "± is half of Student's 95 % confidence interval of the mean over seeds.",
    "none": "",
}


def render(tables: Sequence[Table], form: str, spread: str = "std") -> str:
    """The tables in one of FORMATS, accuracies with one of SPREADS; ends with a line break."""
    return FORMATS[form](tables, spread).rstrip("\n") + "\n"


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


def notes(table: Table, spread: str) -> list[str]:
    """What stands below a table, the meaning of ± first where there is one."""
    shown = any(isinstance(cell, Summary) and cell.n > 1 for row in table.rows for cell in row)
    return [note for note in (SPREADS[spread] if shown else "", *table.notes) if note]


def remarks(tables: Sequence[Table], spread: str) -> list[str]:
    """Titles and notes: what a format without room for them leaves out."""
    return [line for table in tables for line in (table.title, *notes(table, spread))]


def _grid(table: Table, spread: str, style: str) -> str:
    texts = [[cell_text(cell, spread) for cell in row] for row in table.rows]
    alignment = ["left" if _is_text(table, n) else "right" for n in range(len(table.headers))]
    return tabulate(texts, table.headers, tablefmt=style, disable_numparse=True, colalign=alignment)


def _is_text(table: Table, column: int) -> bool:
    return any(isinstance(row[column], str) for row in table.rows)


def _terminal(tables: Sequence[Table], spread: str) -> str:
    return "\n\n".join(
        "\n".join([table.title, "", _grid(table, spread, "simple"), "", *notes(table, spread)])
        for table in tables
    )


def _markdown(tables: Sequence[Table], spread: str) -> str:
    return "\n\n".join(
        "\n\n".join([f"### {table.title}", _grid(table, spread, "pipe"), *notes(table, spread)])
        for table in tables
    )


def _latex(tables: Sequence[Table], spread: str) -> str:
    """The package booktabs is needed; titles and notes are comments."""
    parts = []
    for table in tables:
        grid = _grid(table, spread, "latex_booktabs").replace("±", r"$\pm$")
        parts.append(
            "\n".join([f"% {table.title}", grid, *(f"% {n}" for n in notes(table, spread))])
        )
    return "\n\n".join(parts)


def _csv(tables: Sequence[Table], spread: str) -> str:
    """A spread has a column of its own. Several tables are told apart by a line "# title"."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for table in tables:
        if len(tables) > 1:
            file.write(f"# {table.title}\n")
        columns = range(len(table.headers))
        spreads = {n for n in columns if spread != "none" and _has_summary(table, n)}
        names = [
            [name, f"{name} {spread}"] if n in spreads else [name]
            for n, name in enumerate(table.headers)
        ]
        writer.writerow(sum(names, []))
        for row in table.rows:
            cells = [_csv_cells(cell, spread, n in spreads) for n, cell in enumerate(row)]
            writer.writerow(sum(cells, []))
    return file.getvalue()


def _has_summary(table: Table, column: int) -> bool:
    return any(isinstance(row[column], Summary) for row in table.rows)


def _csv_cells(cell: Cell, spread: str, wide: bool) -> list[str]:
    """A missing value is empty, as spreadsheets have it."""
    texts = ["" if cell is None else cell_text(cell, "none")]
    if wide:
        width = getattr(cell, spread) if isinstance(cell, Summary) and cell.n > 1 else None
        texts.append("" if width is None else f"{width:.2f}")
    return texts


def _json(tables: Sequence[Table], spread: str) -> str:
    """Full precision, with every spread, whatever is asked for."""
    return json.dumps(
        [
            {
                "table": table.name,
                "title": table.title,
                "rows": [
                    {name: _plain(cell) for name, cell in zip(table.headers, row, strict=True)}
                    for row in table.rows
                ],
                "notes": list(table.notes),
            }
            for table in tables
        ],
        indent=2,
    )


def _plain(cell: Cell) -> Any:
    return cell._asdict() if isinstance(cell, Summary) else cell


FORMATS: dict[str, Callable[[Sequence[Table], str], str]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
    "json": _json,
}
SUFFIXES = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json"}
