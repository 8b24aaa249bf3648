"""`rpo report --html` and `--figures`: what needs the packages of the extra `report`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rpo.report.record import Record
from rpo.report.table import Table

NEEDED = ("matplotlib", "jinja2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--html", metavar="FILE", help="write one page with everything, too")
    parser.add_argument("--figures", metavar="DIR", help="write the figures as SVG and PDF, too")


def check(args: argparse.Namespace) -> None:
    """Raises ImportError, before anything is read, if a figure is asked for and cannot be drawn."""
    asked = [name for name in ("html", "figures") if getattr(args, name)]
    missing = [name for name in NEEDED if find_spec(name) is None]
    if asked and missing:
        raise ImportError(
            f"--{asked[0]} needs {' and '.join(missing)}: pip install 'rpo-clip[report]'"
        )


def write(records: Sequence[Record], tables: Sequence[Table], args: argparse.Namespace) -> None:
    """Writes the page and the figures that were asked for and says what was written."""
    if args.figures:
        from rpo.report.figures.export import write_figures

        count = write_figures(records, Path(args.figures))
        _say(f"{count} figures, as SVG and PDF, are in {args.figures}")
    if args.html:
        from rpo.report.page.write import write_page

        size = write_page(records, tables, Path(args.html), workers=os.cpu_count() or 1)
        _say(f"the page is {args.html} ({size / 1e6:.1f} MB)")


def _say(message: str) -> None:
    """On stderr: the tables on stdout may be CSV or JSON for another program."""
    print(message, file=sys.stderr)
