"""Dassl's parse_test_res.py: mean and spread over seeds of what log.txt prints.

It prints what the original prints, so its numbers are means of accuracies of one decimal; `rpo
report` computes with full precision. Unlike the original it reads a rerun's log (`log.txt-<time>`),
and says which logs it leaves out.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, pstdev

from rpo.report.logs import FILE_NAME, newest_with_result, read_lines
from rpo.report.names import clean
from rpo.report.statistics import confidence_interval

# What a log must say before a number counts; older versions of Dassl finish differently.
TRAINED, TESTED = ("Finish training", "Finished training"), ("=> result",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the summary; the exit status is 2 if there is nothing to summarise."""
    args = build_parser().parse_args(arguments)
    try:
        folders = _visible(args.directory) if args.multi_exp else [args.directory]
        if not folders:
            raise ValueError(f"there is no experiment in {shown(args.directory)}: it is empty")
        means = [summarise_folder(folder, args) for folder in folders]
    except (ValueError, OSError) as error:
        print(f"parse_test_res.py: {error}", file=sys.stderr)
        return 2
    if args.multi_exp:
        print(f"Average performance\n* {args.keyword}: {fmean(means):.2f}%")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Mean and spread over the seeds of a folder")
    parser.add_argument("directory", type=Path, help="its folders (seed1, ...) hold log.txt")
    parser.add_argument("--ci95", action="store_true", help="95%% confidence interval, not std")
    parser.add_argument("--test-log", action="store_true", help="logs of tests without training")
    parser.add_argument("--multi-exp", action="store_true", help="the folder holds such folders")
    parser.add_argument("--keyword", default="accuracy", help="accuracy, error, macro_f1")
    return parser


def summarise_folder(folder: Path, args: argparse.Namespace) -> float:
    """Prints the number of each log below a folder, and their mean in percent, which it returns.

    Raises:
        FileNotFoundError: an entry of the folder has no log.
        ValueError: no log has the number.
    """
    runs = _visible(folder)
    if not runs:
        raise ValueError(f"there is no run in {shown(folder)}: it holds no folder like seed1")
    print(f"Parsing files in {shown(folder)}")
    signals = TESTED if args.test_log else TRAINED
    numbers = []
    for run in runs:
        log = newest_with_result(run, lambda path: last_number(path, args.keyword, signals))
        if log is None:
            raise FileNotFoundError(f"{shown(run)} is no run: there is no {FILE_NAME} in it")
        if log.result is None:
            print(f"{shown(log.path)} is left out: {_why(args)}", file=sys.stderr)
            continue
        numbers.append(log.result)
        print(f"file: {shown(log.path)}. {args.keyword}: {log.result:.2f}%. ")
    if not numbers:
        raise ValueError(f"nothing found in {shown(folder)}: {_why(args)}")
    _print_summary(folder, numbers, args)
    return fmean(numbers)


def last_number(log: Path, keyword: str, signals: Sequence[str]) -> float | None:
    """The last `* keyword: number%` below the first line that equals one of the signals."""
    pattern = re.compile(rf"\* {re.escape(keyword)}: ([\.\deE+-]+)%")
    number, reached = None, False
    for line in read_lines(log):
        reached = reached or line.strip() in signals
        found = pattern.search(line)
        if found and reached:
            number = float(found.group(1))
    return number


def _print_summary(folder: Path, numbers: Sequence[float], args: argparse.Namespace) -> None:
    spread = pstdev(numbers)
    if args.ci95:
        spread *= 1.96 / sqrt(len(numbers))  # the original's: the normal's quantile, population std
    print(f"===\nSummary of directory: {shown(folder)}")
    print(f"* {args.keyword}: {fmean(numbers):.2f}% +- {spread:.2f}%")
    if args.ci95 and len(numbers) > 1:
        width = confidence_interval(list(numbers))
        print(f"  (by Student's t, which so few as {len(numbers)} seeds need: +- {width:.2f}%)")
    print("===")


def _visible(folder: Path) -> list[Path]:
    """The folders in a folder but hidden ones, in the original's order: seed10 before seed2."""
    found = (path for path in folder.iterdir() if path.is_dir())
    return sorted(path for path in found if not path.name.startswith("."))


def shown(path: Path) -> str:
    """A path without what a terminal would obey."""
    return clean(str(path))


def _why(args: argparse.Namespace) -> str:
    hint = "" if args.test_log else "; logs of tests without training need --test-log"
    signal = TESTED if args.test_log else TRAINED
    return f'no "* {args.keyword}: ...%" below "{signal[0]}"{hint}'
