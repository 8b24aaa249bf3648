"""`rpo report`: the base / new / H table of the runs below some folders."""

import argparse

from tabulate import tabulate

from rpo.results import HEADERS, collect, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", metavar="DIR", help="output folders, searched below")


def run(args: argparse.Namespace) -> int:
    """Prints the table as Markdown, which also reads well on a terminal."""
    rows = table(collect(args.folders))
    print(tabulate(rows, HEADERS, tablefmt="github", disable_numparse=True))
    return 0
