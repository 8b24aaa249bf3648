r"""Tables for LaTeX that fit a column of a two-column article; the package booktabs is needed.

A column that is the same in every row becomes a sentence below the table, as does the config where
each method has one; a dataset becomes a line above its rows. What is still too wide is continued
in a second grid, and what is too long in a second table.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rpo.report.table import Table, cell_text

# Points. The columns of article are 229 wide, those of conferences wider.
WIDTH = 222
GAP = 4.0
# A text that is wider breaks into lines.
WIDEST_TEXT = 66.0
# Lines of a page that is nothing but a table.
LINES = 48
# These tell what a row is about, and are repeated where a table is continued to the right.
NAMES = ("dataset", "classes", "method", "config", "shots", "backbone", "metric")
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "_": r"\_\allowbreak{}",
    **{letter: f"\\{letter}" for letter in "&%$#{}"},
}


class Column(NamedTuple):
    """A column of texts; `number` is aligned to the right."""

    header: str
    cells: list[str]
    number: bool

    @property
    def width(self) -> float:
        """In points, rather too large."""
        texts = [*self.header.split(), *self.cells]
        return min(max(map(text_width, texts), default=0), WIDEST_TEXT)


def to_latex(table: Table, notes: Sequence[str], spread: str) -> str:
    """The environments `table` of a table, its notes as text below the last."""
    columns = [
        Column(
            header,
            [cell_text(row[index], spread) for row in table.rows],
            not any(isinstance(row[index], str) for row in table.rows),
        )
        for index, header in enumerate(table.headers)
    ]
    columns, said = _without_constants(columns)
    parts = list(_pages(columns))
    texts = []
    for number, rows in enumerate(parts):
        last = number == len(parts) - 1
        below = [*said, *notes] if last else []
        title = table.title + (" (continued)" if number else "")
        texts.append(_environment(title, columns, rows, below))
    return "\n".join(texts)


def _without_constants(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """The columns that say something in every row, and a sentence on the others."""
    kept, said = [], []
    by_header = {column.header: column for column in columns}
    for column in columns:
        values = set(column.cells) - {"-"}
        if column.header in ("shots", "seeds", "runs", "targets", "device") and len(values) == 1:
            some = " (where there are any)" if "-" in column.cells else ""
            said.append(f"{column.header.capitalize()}: {values.pop()}{some}.")
        elif column.header == "config" and "method" in by_header:
            pairs = dict.fromkeys(zip(by_header["method"].cells, column.cells, strict=True))
            if len(pairs) == len({method for method, _ in pairs}):
                said.append(f"Configs: {', '.join(' '.join(pair) for pair in pairs)}.")
            else:
                kept.append(column)
        else:
            kept.append(column)
    return kept, said


def _pages(columns: Sequence[Column]) -> Iterator[range]:
    """Rows that fit a page, cut before a dataset where there is one."""
    most = max(6, LINES // len(list(_grids(columns))) - 3)
    start = cut = lines = 0
    for row in range(len(columns[0].cells)):
        opens = _opens(columns[0], row)
        cut = row if opens else cut
        lines += 1 + opens
        if lines > most:
            end = cut if cut > start else row
            yield range(start, end)
            start, lines = end, row - end + 2
    yield range(start, len(columns[0].cells))


def _opens(column: Column, row: int) -> bool:
    """Whether another dataset begins in a row."""
    return column.header == "dataset" and (row == 0 or column.cells[row] != column.cells[row - 1])


def _grids(columns: Sequence[Column]) -> Iterator[list[Column]]:
    """Columns that stand side by side, those of the names in each of them."""
    body = [column for column in columns if column.header != "dataset"]
    names = [column for column in body if column.header in NAMES]
    room = WIDTH - sum(column.width + GAP for column in names)
    grid: list[Column] = []
    for column in (column for column in body if column.header not in NAMES):
        if grid and sum(each.width + GAP for each in (*grid, column)) > room:
            yield [*names, *grid]
            grid = []
        grid.append(column)
    yield [*names, *grid]


def _environment(title: str, columns: Sequence[Column], rows: range, notes: Sequence[str]) -> str:
    grids = [_grid(grid, columns[0], rows) for grid in _grids(columns)]
    text = " ".join(map(escape, notes))
    below = [r"\par\smallskip", rf"\parbox{{\columnwidth}}{{\scriptsize {text}}}"] if text else []
    return "\n".join(
        [
            r"\begin{table}[tp]",
            rf"\centering\footnotesize\setlength{{\tabcolsep}}{{{GAP / 2:g}pt}}",
            rf"\caption{{{escape(title)}}}",
            "\n\\par\\medskip\n".join(grids),
            *below,
            r"\end{table}",
        ]
    )


def _grid(grid: Sequence[Column], first: Column, rows: range) -> str:
    lines = [" & ".join(_header(column) for column in grid) + r" \\", r"\midrule"]
    for row in rows:
        if _opens(first, row) or (row == rows.start and first.header == "dataset"):
            lines += [r"\addlinespace"] if row > rows.start else []
            title = rf"\textit{{{escape(first.cells[row])}}}"
            lines.append(rf"\multicolumn{{{len(grid)}}}{{@{{}}l}}{{{title}}} \\")
        lines.append(" & ".join(_cell(column, row) for column in grid) + r" \\")
    alignment = "".join("r" if column.number else "l" for column in grid)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _header(column: Column) -> str:
    """Words above each other."""
    words = [escape(word) for word in column.header.split()]
    place = "r" if column.number else "l"
    lines = r" \\ ".join(words)
    return rf"\shortstack[{place}]{{{lines}}}" if len(words) > 1 else lines


def _cell(column: Column, row: int) -> str:
    """A spread is small; a long text breaks into lines."""
    text = column.cells[row]
    mean, sign, spread = text.partition(" ± ")
    if sign:
        return rf"{escape(mean)}{{\tiny$\pm${escape(spread)}}}"
    if text_width(text) > WIDEST_TEXT:
        return rf"\parbox[t]{{{WIDEST_TEXT:g}pt}}{{\raggedright {escape(text)}\strut}}"
    return escape(text)


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def text_width(text: str) -> float:
    """In points, of eight-point type: rather too large."""
    mean, sign, spread = text.partition(" ± ")
    width = sum(map(_letter_width, mean))
    return width + (0.85 * sum(map(_letter_width, f"±{spread}")) if sign else 0)


def _letter_width(letter: str) -> float:
    if letter in "MW%@":
        return 8.8
    if letter in "mw±":
        return 7.2
    return 3.4 if letter in "ijlft.,:;' -" else 6.4 if letter.isupper() else 4.4
