"""`rpo report`: the tables of the runs below some folders."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rpo.files import write_text
from rpo.report import visual
from rpo.report.formats import FORMATS, SPREADS, SUFFIXES, remarks, render
from rpo.report.records import read_records
from rpo.report.table import Table
from rpo.report.tables import TABLES, build_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--table",
        action="extend",
        nargs="+",
        choices=TABLES,
        help="after the folders: which tables (default: all for which there are runs)",
    )
    add_output_arguments(parser)
    visual.add_arguments(parser)


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """What every command that prints tables takes."""
    parser.add_argument("folders", nargs="+", metavar="DIR", help="output folders, searched below")
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
    visual.check(args)
    records = read_records(args.folders)
    tables = build_tables(records, args.table)
    write(tables, args)
    visual.write(records, tables, args)
    return 0


def write(tables: Sequence[Table], args: argparse.Namespace) -> None:
    """Prints the tables, or writes them to the file asked for."""
    form = args.format or default_format(args.output)
    text = render(tables, form, args.spread)
    if form == "csv":
        for remark in remarks(tables, args.spread):
            print(remark, file=sys.stderr)
    if args.output:
        write_text(Path(args.output), text)
    else:
        sys.stdout.write(text)


def default_format(output: str | None) -> str:
    """By the file's ending; a pipe or any other file gets Markdown."""
    if output:
        return SUFFIXES.get(Path(output).suffix, "markdown")
    return "terminal" if sys.stdout.isatty() else "markdown"
