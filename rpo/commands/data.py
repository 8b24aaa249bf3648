"""`rpo data list | check NAME | prepare NAME`."""

import argparse
import contextlib
import io
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY
from tabulate import tabulate

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.datasets.base import FewShotDataset
from rpo.datasets.digits import Digits
from rpo.datasets.imagefolder import ImageFolder
from rpo.datasets.tools.check import check
from rpo.datasets.tools.check_split import Finding
from rpo.experiments.datasets import no_dataset
from rpo.suggest import unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="list | check | prepare")
    listing = actions.add_parser("list", help="every dataset: found or not, size, terms")
    checking = actions.add_parser("check", help="name everything that is wrong with a dataset")
    checking.add_argument(
        "name",
        metavar="NAME",
        help="as in configs/datasets, or registered; or a folder or CSV of images",
    )
    checking.add_argument("--quick", action="store_true", help="do not decode the images")
    preparing = actions.add_parser("prepare", help="fetch, unpack and check a dataset")
    preparing.add_argument("name", metavar="NAME", help="as in configs/datasets, or registered")
    preparing.add_argument(
        "--archive", nargs="+", default=[], metavar="FILE", help="archives that you have already"
    )
    preparing.add_argument("--split", metavar="FILE", help="the published split, or classnames.txt")
    preparing.add_argument("--mirror", metavar="URL", help="folder to fetch the archives from")
    for action in (listing, checking, preparing):
        action.add_argument("--root", help="folder of the datasets (default: $DATA, then data)")


def run(args: argparse.Namespace) -> int:
    """Exit status 1: not found, or not whole."""
    root = Path(args.root or os.environ.get("DATA") or "data").expanduser().absolute()
    if args.action == "list":
        print(overview(root))
        return 0
    if args.action == "check":
        return report(find_place(args.name, root), decode=not args.quick)
    dataset = find_dataset(args.name, partial(unknown, "dataset"))
    from rpo.datasets.tools.prepare import prepare

    prepare(dataset, root, args.archive, args.split, args.mirror)
    return report(dataset.at(root))


def benchmark() -> dict[str, type[FewShotDataset]]:
    """Config name to dataset, of those that have a place below the root."""
    datasets = (DATASET_REGISTRY.get(name) for name in DATASET_REGISTRY.registered_names())
    return {
        dataset.config_name(): dataset
        for dataset in datasets
        if issubclass(dataset, FewShotDataset) and dataset.dataset_dir
    }


def find_dataset(typed: str, said: Callable[[str, list[str]], str]) -> type[FewShotDataset]:
    """By config name or registered name; raises ValueError with what is `said` of other names."""
    known = benchmark()
    by_name = {dataset.__name__.lower(): dataset for dataset in known.values()} | known
    if typed.lower() not in by_name:
        raise ValueError(said(typed, [*known, *(each.__name__ for each in known.values())]))
    return by_name[typed.lower()]


def find_place(typed: str, root: Path) -> FewShotDataset:
    """A dataset by name below the root, or a folder or CSV of one's own images, as in `rpo run`."""
    path = Path(typed).expanduser()
    if typed not in benchmark() and (path.is_dir() or path.suffix == ".csv"):
        return ImageFolder.of(path.absolute())
    return find_dataset(typed, no_dataset).at(root)


def overview(root: Path) -> str:
    """A table of all datasets."""
    header = ["dataset", "config", "found", "images", "classes", "GB", "terms"]
    return f"datasets in {root}\n" + tabulate(
        [_row(name, dataset, root) for name, dataset in benchmark().items()], header
    )


def _row(name: str, dataset: type[FewShotDataset], root: Path) -> list[str]:
    facts = dataset.facts
    if facts is None:
        known = ("1,797", "10", "0", "makes itself") if dataset is Digits else ("-",) * 4
        return [dataset.__name__, name, where(dataset, root), *known]
    size = f"{facts.gigabytes:g}" if facts.gigabytes else "?"
    return [
        dataset.__name__, name, where(dataset, root),
        f"{facts.images:,}", f"{facts.classes:,}", size, facts.terms,
    ]  # fmt: skip


def where(dataset: type[FewShotDataset], root: Path) -> str:
    """The folder of its images; "no" where there is none; a folder that cannot be read is named."""
    try:
        place = dataset.at(root)
        return str(place.images) if place.images.is_dir() else "no"
    except OSError as error:
        return f"cannot be read: {error.filename} ({error.strerror})"


def report(place: FewShotDataset, decode: bool = True) -> int:
    """Prints what `check` finds; the exit status is 1 if there is a problem."""
    name = type(place).__name__
    print(f"{name} in {place.folder}")
    problems = 0
    findings: list[Finding] = []
    with contextlib.redirect_stdout(io.StringIO()):
        findings += check(place, decode)
    for finding in findings:
        problems += finding.is_problem
        print(f"  {finding}")
    verdict = f"{problems} problem{'s' if problems > 1 else ''}" if problems else "complete"
    print(f"{name}: {verdict}")
    return int(problems > 0)
