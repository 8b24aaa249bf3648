"""`rpo compare`: finished runs beside the published accuracies."""

import argparse

from rpo.commands.report import add_output_arguments, read, write
from rpo.report.comparison import compare
from rpo.report.published import later_methods, of_papers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="PAPER", help="the values of one paper only")
    parser.add_argument(
        "--later", action="store_true", help="add the published averages of later methods"
    )
    add_output_arguments(parser)


def run(args: argparse.Namespace) -> int:
    of_papers(args.source)  # a mistyped paper is told before anything is read
    frame, _ = read(args)
    tables = compare(frame, args.source)
    write([*tables, *([later_methods()] if args.later else [])], args)
    return 0
