"""`rpo verify`: whether the numbers of runs are what their predictions, data and prompts give."""

import argparse
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rpo.bundles import opened, shown
from rpo.runs import RESULTS
from rpo.verification.run import DifferenceError, NotChecked, Run, find_runs, why_unverifiable

SAME, DIFFERENT = 0, 1
# What is only done where it is asked for.
ANEW = "images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders", nargs="+", metavar="RUN_DIR", help="run folders, folders of such, or bundles"
    )
    parser.add_argument(
        "--images", type=int, metavar="N", help="evaluate N random test images of each run anew"
    )
    parser.add_argument(
        "--root", help="of the datasets, or of your own images (default: each run's)"
    )
    parser.add_argument("--backbone", help="name or file of its weights, if they have moved")


def run(args: argparse.Namespace) -> int:
    """Checks run after run, and stops with status 1 at the first difference.

    Raises:
        FileNotFoundError: there is no run. ValueError: none of them can be verified.
    """
    if args.images is not None and args.images < 1:
        raise ValueError(f"--images is {args.images}; it must be a whole number of at least 1")
    folders = [opened(Path(folder)) for folder in args.folders]
    runs = list(find_runs(folders, root=args.root, backbone=args.backbone))
    reasons = [why_unverifiable(each) for each in runs]
    if all(reasons):
        raise ValueError(
            f"{runs[0].folder / RESULTS} carries nothing to verify it by: it {reasons[0]}"
        )
    checks, missing = checks_of(args.images), Counter[str]()
    for one, reason in zip(runs, reasons, strict=True):
        print(f"{shown(one.folder)}: {one.title}" if one.record else shown(one.folder))
        if reason:
            print(f"  not checked  it {reason}")
            missing["everything"] += 1
            continue
        try:
            missing.update(checked(one, checks))
        except DifferenceError as error:
            print(f"  DIFFERENT    {error}")
            return DIFFERENT
    print(summary(len(runs), missing))
    return SAME


def checks_of(images: int | None) -> Mapping[str, Callable[[Run], str]]:
    """By name, in an order in which what an earlier one has found can be relied on."""
    from rpo.verification import anew, recorded, sources

    checks: dict[str, Callable[[Run], str]] = {
        "form": recorded.record,
        "predictions": recorded.predictions,
        "numbers": recorded.numbers,
        "configuration": recorded.configuration,
        "history": recorded.history,
        "parameters": sources.parameters,
        "data": sources.data,
        "backbone": sources.backbone,
        "seal": recorded.seal,
    }
    if images is not None:
        checks[ANEW] = functools.partial(anew.evaluate_anew, count=images)
    return checks


def checked(one: Run, checks: Mapping[str, Callable[[Run], str]]) -> Iterator[str]:
    """Says what was checked; yields the names of what could not be.

    Raises:
        DifferenceError: something is not as recorded; the check is named.
    """
    if one.damage:
        raise DifferenceError(one.damage)
    for name, check in checks.items():
        try:
            print(f"  checked      {name}: {check(one)}")
        except NotChecked as reason:
            print(f"  not checked  {name}: {reason}")
            yield name
        except (DifferenceError, ValueError) as error:  # the latter of damaged files
            raise DifferenceError(f"{name}: {error}") from error


def summary(runs: int, missing: Mapping[str, int]) -> str:
    """A sentence on all runs."""
    plural = "s" if runs > 1 else ""
    lacking = ", ".join(f"{name} ({count})" for name, count in missing.items())
    without = f" Not checked: {lacking}." if lacking else ""
    return f"{runs} run{plural}: no difference was found.{without}"
