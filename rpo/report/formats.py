"""Tables as text: for the terminal, Markdown, LaTeX, CSV, JSON."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tabulate import tabulate

from rpo.report.latex import to_latex
from rpo.report.statistics import Summary
from rpo.report.table import Cell, Table, cell_text

SPREADS = {
    "std": "± is the standard deviation over seeds (population, as in the papers).",
    "ci95": "± is half of Student's 95 % confidence interval of the mean over seeds.",
    "none": "",
}
PACKAGE = r"the LaTeX needs \usepackage{booktabs}"
# What a spreadsheet would take for a formula, if a foreign text begins with it.
FORMULA = ("=", "+", "-", "@")


def render(tables: Sequence[Table], form: str, spread: str = "std") -> str:
    """The tables in one of FORMATS, accuracies with one of SPREADS; ends with a line break."""
    return FORMATS[form](tables, spread).rstrip("\n") + "\n"


def notes(table: Table, spread: str) -> list[str]:
    """What stands below a table, the meaning of ± first where there is one."""
    shown = any(isinstance(cell, Summary) and cell.n > 1 for row in table.rows for cell in row)
    return [note for note in (SPREADS[spread] if shown else "", *table.notes) if note]


def remarks(tables: Sequence[Table], form: str, spread: str) -> list[str]:
    """What a format has no room for: titles and notes of CSV, the package that LaTeX needs."""
    if form == "csv":
        return [line for table in tables for line in (table.title, *notes(table, spread))]
    return [PACKAGE] if form == "latex" else []


def _grid(table: Table, spread: str, style: str, escape: Callable[[str], str] = str) -> str:
    texts = [[escape(cell_text(cell, spread)) for cell in row] for row in table.rows]
    headers = [escape(header) for header in table.headers]
    alignment = ["left" if _is_text(table, n) else "right" for n in range(len(headers))]
    return tabulate(texts, headers, tablefmt=style, disable_numparse=True, colalign=alignment)


def _is_text(table: Table, column: int) -> bool:
    return any(isinstance(row[column], str) for row in table.rows)


def _terminal(tables: Sequence[Table], spread: str) -> str:
    return "\n\n".join(
        "\n".join([table.title, "", _grid(table, spread, "simple"), "", *notes(table, spread)])
        for table in tables
    )


def _markdown(tables: Sequence[Table], spread: str) -> str:
    return "\n\n".join(
        "\n\n".join(
            [
                f"### {_escaped(table.title)}",
                _grid(table, spread, "pipe", _escaped),
                *map(_escaped, notes(table, spread)),
            ]
        )
        for table in tables
    )


def _escaped(text: str) -> str:
    """Text that neither ends a cell of Markdown nor is HTML."""
    return text.replace("|", r"\|").replace("<", "&lt;")


def _latex(tables: Sequence[Table], spread: str) -> str:
    return "\n".join(to_latex(table, notes(table, spread), spread) for table in tables)


def _csv(tables: Sequence[Table], spread: str) -> str:
    """A spread has a column of its own. Several tables are told apart by a line "# title"."""
    file = io.StringIO()
    for table in tables:
        if len(tables) > 1:
            file.write(f"# {table.title}\n")
        csv.writer(file, lineterminator="\n").writerows(_csv_rows(table, spread))
    return file.getvalue()


def _csv_rows(table: Table, spread: str) -> Iterator[list[str]]:
    """The headers and the rows."""
    columns = range(len(table.headers))
    wide = [spread != "none" and _has_summary(table, column) for column in columns]
    names = [
        [_harmless(name), _harmless(f"{name} {spread}")] if two else [_harmless(name)]
        for name, two in zip(table.headers, wide, strict=True)
    ]
    yield sum(names, [])
    for row in table.rows:
        cells = [_csv_cells(cell, spread, two) for cell, two in zip(row, wide, strict=True)]
        yield sum(cells, [])


def _has_summary(table: Table, column: int) -> bool:
    return any(isinstance(row[column], Summary) for row in table.rows)


def _csv_cells(cell: Cell, spread: str, wide: bool) -> list[str]:
    """A missing value is empty, as spreadsheets have it."""
    text = "" if cell is None else cell_text(cell, "none")
    texts = [_harmless(text) if isinstance(cell, str) else text]
    if wide:
        width = getattr(cell, spread) if isinstance(cell, Summary) and cell.n > 1 else None
        texts.append("" if width is None else f"{width:.2f}")
    return texts


def _harmless(text: str) -> str:
    """A text that a spreadsheet shows rather than computes; numbers are no texts."""
    return f"'{text}" if text.startswith(FORMULA) and text != "-" else text


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
SUFFIXES = dict.fromkeys(("", ".txt", ".md"), "markdown") | {
    ".tex": "latex",
    ".csv": "csv",
    ".json": "json",
}
