r"""Tables for LaTeX that fit a two-column article; the package booktabs is needed.

Configs, shots and the like become a sentence below the table where each method has one; a dataset
becomes a line above its rows. What is still too wide spans both columns; what is wider than these
is continued in a second grid, and what is too long in a second table.
"""

import re
from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from rpo.report.table import Table, cell_text

# Points. The columns of article are 229 wide, both are 469; those of conferences are wider.
WIDTH, BOTH = 226, 462
GAP = 4.0
# A text that is wider breaks into lines.
WIDEST_TEXT = 70.0
# Lines of such a text are not full.
NARROW = 0.8 * WIDEST_TEXT
# Lines of a page that is nothing but a table.
LINES = 46
# These become a sentence where no method has two of them.
SAID = ("config", "shots", "backbone", "seeds", "runs", "targets", "device")
# These tell what a row is about, and are repeated where a table is continued to the right.
NAMES = ("dataset", "classes", "method", "config", "shots", "backbone", "metric")
# Widths of letters in points; what is not here is a capital, or a letter of another script.
LETTERS = (
    ("ijl.,:;'!|", 2.5),
    ("frst()[]/- ", 3.5),
    ("0123456789aceogz", 4.4),
    ("bdhknpquvxy_+=*", 4.8),
    ("IJLSZ", 5.5),
    ("BCEFPRT", 6.3),
    ("wm±", 7.2),
    ("MW%@&", 8.8),
)
BREAKS = re.compile(r"(?<=[/@:+-])(?=\w)|(?<=\\_)|(?<=\.)(?=[a-z])|(?<=[a-z])(?=[A-Z][a-z])")
SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    **{letter: f"\\{letter}" for letter in "&%$#{}_"},
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
    """The columns that differ within a method, and a sentence on each of the others."""
    methods = next((column.cells for column in columns if column.header == "method"), None)
    kept, said = [], []
    for column in columns:
        pairs = dict.fromkeys(zip(methods or (), column.cells, strict=False))
        if column.header in SAID and pairs and len(pairs) == len(set(methods or ())):
            said.append(_sentence(column.header, [*pairs]))
        else:
            kept.append(column)
    return kept, said


def _sentence(header: str, pairs: Sequence[tuple[str, str]]) -> str:
    """What each method has, in short: "Seeds: 3; ZeroshotCLIP 1."."""
    values = [value for _, value in pairs]
    common = max(dict.fromkeys(values), key=values.count)
    others = (f"{method} {value}" for method, value in pairs if value != common)
    return f"{header.capitalize()}: {'; '.join([common, *others])}."


def _pages(columns: Sequence[Column]) -> Iterator[range]:
    """Rows that fit a page, cut before a dataset where there is one."""
    most = max(6, LINES // len(_grids(columns)) - 3)
    start = cut = lines = 0
    heights: list[int] = []
    for row in range(len(columns[0].cells)):
        opens = _opens(columns[0], row)
        cut = row if opens else cut
        heights.append(
            max(map(ceil, (text_width(column.cells[row]) / NARROW for column in columns)))
        )
        lines += heights[row] + opens
        if lines > most and row > start:
            end = cut if cut > start else row
            yield range(start, end)
            start, lines = end, sum(heights[end:]) + 1
    yield range(start, len(columns[0].cells))


def _opens(column: Column, row: int) -> bool:
    """Whether another dataset begins in a row."""
    return column.header == "dataset" and (row == 0 or column.cells[row] != column.cells[row - 1])


def _grids(columns: Sequence[Column]) -> list[list[Column]]:
    """Columns that stand side by side: one grid, or as many as it takes across both columns."""
    narrow = list(_fitting(columns, WIDTH))
    return narrow if len(narrow) == 1 else list(_fitting(columns, BOTH))


def _fitting(columns: Sequence[Column], width: float) -> Iterator[list[Column]]:
    """Grids of a width, the columns of the names in each of them."""
    body = [column for column in columns if column.header != "dataset"]
    names = [column for column in body if column.header in NAMES]
    room = width + GAP - sum(column.width + GAP for column in names)
    grid: list[Column] = []
    for column in (column for column in body if column.header not in NAMES):
        if grid and sum(each.width + GAP for each in (*grid, column)) > room:
            yield [*names, *grid]
            grid = []
        grid.append(column)
    yield [*names, *grid]


def _environment(title: str, columns: Sequence[Column], rows: range, notes: Sequence[str]) -> str:
    grids = [_grid(grid, columns[0], rows) for grid in _grids(columns)]
    star = "*" if len(list(_fitting(columns, WIDTH))) > 1 else ""
    text = " ".join(map(breakable, notes))
    box = rf"\parbox{{\linewidth}}{{\scriptsize\raggedright {text}}}"
    below = [r"\par\smallskip", box] if text else []
    return "\n".join(
        [
            rf"\begin{{table{star}}}[tp]",
            rf"\centering\footnotesize\setlength{{\tabcolsep}}{{{GAP / 2:g}pt}}",
            rf"\caption{{{escape(title)}}}\smallskip",
            "\n\\par\\medskip\n".join(grids),
            *below,
            rf"\end{{table{star}}}",
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
    if column.number and text.startswith("-") and text != "-":
        text = f"−{text[1:]}"
    mean, sign, spread = text.partition(" ± ")
    if sign:
        return rf"{escape(mean)}{{\tiny$\pm${escape(spread)}}}"
    if not column.number and text_width(text) > WIDEST_TEXT:
        return rf"\parbox[t]{{{WIDEST_TEXT:g}pt}}{{\raggedright {breakable(text)}\strut}}"
    return escape(text)


def escape(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def breakable(text: str) -> str:
    """The same; long words may break behind signs, and before a capital."""
    return BREAKS.sub(r"\\allowbreak{}", escape(text))


def text_width(text: str) -> float:
    """In points, of eight-point type: rather too large."""
    mean, sign, spread = text.partition(" ± ")
    width = sum(map(_letter_width, mean))
    return width + (0.82 * sum(map(_letter_width, f"±{spread}")) if sign else 0)


def _letter_width(letter: str) -> float:
    return next((width for letters, width in LETTERS if letter in letters), 6.8)
