"""Tables for other programs: CSV and JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rpo.report.statistics import Summary
from rpo.report.table import Cell, Table, cell_text


def to_csv(tables: Sequence[Table], spread: str) -> str:
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
        [name, f"{name} {spread}"] if two else [name]
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
    texts = ["" if cell is None else cell_text(cell, "none")]
    if wide:
        width = getattr(cell, spread) if isinstance(cell, Summary) and cell.n > 1 else None
        texts.append("" if width is None else f"{width:.2f}")
    return texts


def to_json(tables: Sequence[Table], spread: str) -> str:
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
