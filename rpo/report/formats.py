"""Tables as text: for the terminal, Markdown, LaTeX (booktabs), CSV, JSON."""

from collections.abc import Callable, Sequence

from tabulate import tabulate

from rpo.report.data_formats import to_csv, to_json
from rpo.report.statistics import Summary
from rpo.report.table import Table, cell_text

SPREADS = {
    "std": "± is the standard deviation over seeds (population, as in the papers).",
    "ci95": "± is half of Student's 95 % confidence interval of the mean over seeds.",
    "none": "",
}


def render(tables: Sequence[Table], form: str, spread: str = "std") -> str:
    """The tables in one of FORMATS, accuracies with one of SPREADS; ends with a line break."""
    return FORMATS[form](tables, spread).rstrip("\n") + "\n"


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


FORMATS: dict[str, Callable[[Sequence[Table], str], str]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "latex": _latex,
    "csv": to_csv,
    "json": to_json,
}
SUFFIXES = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json"}
