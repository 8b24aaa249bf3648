"""`rpo report`: the tables of the runs below some folders."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from rpo.files import write_text
from rpo.report.against import against_tables
from rpo.report.formats import FORMATS, SPREADS, SUFFIXES, remarks, render
from rpo.report.frame import build_frame, choose
from rpo.report.paired import Difference
from rpo.report.paired import differences as paired_differences
from rpo.report.reading import read_runs
from rpo.report.table import Table
from rpo.report.tables import TABLES, build_tables

VALIDATED = "All accuracies are of validation images."
# What draws: the packages of the extra `report`.
NEEDED = ("matplotlib", "jinja2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--table",
        action="extend",
        nargs="+",
        choices=TABLES,
        help="after the folders: which tables (default: all for which there are runs)",
    )
    add_output_arguments(parser)
    parser.add_argument(
        "--against",
        metavar="METHOD",
        help="add what differs from a method, paired by seed and image: RPO, or 'RPO main_K24'",
    )
    parser.add_argument(
        "--split",
        choices=("test", "val"),
        default="test",
        help="val: tables of runs with TEST.SPLIT val, to choose settings by (default: test)",
    )
    parser.add_argument("--html", metavar="FILE", help="write one page with everything, too")
    parser.add_argument("--figures", metavar="DIR", help="write the figures as SVG and PDF, too")


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that prints tables takes."""
    parser.add_argument(
        "folders", nargs="+", metavar="DIR", help="output folders, searched below; bundles"
    )
    parser.add_argument(
        "--seeds", nargs="+", type=int, help="after the folders: runs of these seeds only"
    )
    parser.add_argument(
        "--decimals",
        type=int,
        choices=range(5),
        help="round the accuracies of runs first; 1 as the papers, which average what logs print",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="default: by the file's ending, else terminal; markdown where it is no terminal",
    )
    parser.add_argument(
        "--spread", choices=SPREADS, default="std", help="what follows ± (default: std)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file")


def run(args: argparse.Namespace) -> int:
    check_drawing(args)
    check_split(args)
    frame, notes = read(args, args.split)
    differences, left_out = compare(frame, args)
    tables = build_tables(frame, args.table)
    if args.split == "val":
        tables = [table._replace(notes=(VALIDATED, *table.notes)) for table in tables]
    tables += against_tables(differences, args.against) if differences else []
    write(tables, args)
    draw(frame, tables, [*notes, *left_out], differences, args)
    return 0


def compare(frame: pd.DataFrame, args: argparse.Namespace) -> tuple[list[Difference], list[str]]:
    """The differences that were asked for, and what was left out, which is said."""
    if not args.against:
        return [], []
    found, left_out = paired_differences(frame, args.against)
    for note in left_out:
        _say(f"note: {note}")
    return found, left_out


def check_drawing(args: argparse.Namespace) -> None:
    """Raises ImportError, before anything is read, if a figure is asked for and cannot be drawn."""
    asked = [name for name in ("html", "figures") if getattr(args, name)]
    missing = [name for name in NEEDED if find_spec(name) is None]
    if args.against and find_spec("statsmodels") is None:
        raise ImportError("--against needs statsmodels: pip install 'rpo-clip[report]'")
    if asked and missing:
        raise ImportError(
            f"--{asked[0]} needs {' and '.join(missing)}: pip install 'rpo-clip[report]'"
        )


def check_split(args: argparse.Namespace) -> None:
    """Raises ValueError where validation images are asked for what is made of test images alone."""
    tested = [name for name in ("against", "html", "figures") if getattr(args, name)]
    if args.split == "val" and tested:
        raise ValueError(f"--{tested[0]} is of test images: --split val gives tables alone")


def read(args: argparse.Namespace, split: str = "test") -> tuple[pd.DataFrame, list[str]]:
    """The runs that were asked for, and what was said of files that were skipped.

    Raises:
        ValueError: the file that is asked for has an ending of no format.
    """
    args.format = args.format or default_format(args.output)
    runs, notes = read_runs(args.folders, split)
    return choose(build_frame(runs), args.seeds, args.decimals), notes


def write(tables: Sequence[Table], args: argparse.Namespace) -> None:
    """Prints the tables, or writes them to the file asked for."""
    text = render(tables, args.format, args.spread)
    for remark in remarks(tables, args.format, args.spread):
        _say(remark)
    if args.output:
        write_text(Path(args.output), text)
    else:
        sys.stdout.write(text)


def default_format(output: str | None) -> str:
    """By the file's ending; a pipe gets Markdown.

    Raises:
        ValueError: no format has such an ending.
    """
    if output:
        ending = Path(output).suffix.lower()
        if ending not in SUFFIXES:
            raise ValueError(
                f"{output}: tables are written as {', '.join(filter(None, SUFFIXES))}, or as "
                "--format says; --html writes the page, --figures the figures"
            )
        return SUFFIXES[ending]
    return "terminal" if sys.stdout.isatty() else "markdown"


def draw(
    frame: pd.DataFrame,
    tables: Sequence[Table],
    notes: Sequence[str],
    differences: Sequence[Difference],
    args: argparse.Namespace,
) -> None:
    """Writes the page and the figures that were asked for and says what was written."""
    if args.figures:
        from rpo.report.figures.gallery import write_figures

        count = write_figures(frame, Path(args.figures), differences)
        _say(f"{count} figures, as SVG and PDF, are in {args.figures}")
    if args.html:
        from rpo.report.page.write import write_page

        workers = os.cpu_count() or 1
        size = write_page(frame, tables, Path(args.html), workers, notes, differences)
        _say(f"the page is {args.html} ({size / 1e6:.1f} MB)")


def _say(message: str) -> None:
    """On stderr: the tables on stdout may be CSV or JSON for another program."""
    print(message, file=sys.stderr)
