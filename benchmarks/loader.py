"""Images per second of the loaders, plain and fast, on EuroSAT and on made-up 500 x 375 JPEGs.

    python benchmarks/loader.py --root data --workers 0 2 --json loader.json

Plain is torch's DataLoader as the original Dassl uses it: every image decoded every time, new
workers every epoch. Test loaders are measured with and without a model that computes meanwhile.
Plain and fast take turns, so that what else the machine does meets both.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import common
import torch
from dassl.data.data_manager import DataManager

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.trainers.config import default_config

PLAIN = {"CACHE_MEGABYTES": 0, "PERSISTENT_WORKERS": False, "PREFETCH": 0}
FAST = {"CACHE_MEGABYTES": 512, "PERSISTENT_WORKERS": True, "PREFETCH": 2}
KINDS = {"plain": PLAIN, "fast": FAST}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default="data", help="folder that holds eurosat")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", help="file for the numbers")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        draw_photos(Path(folder))
        for workers in args.workers:
            for name, root in (("EuroSAT", args.root), ("ImageFolder", folder)):
                rows += measure(name, root, workers, args.repeats)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2) + "\n")


def draw_photos(folder: Path, classes: int = 10, images: int = 40) -> None:
    """As many a class."""
    for label in range(classes):
        for index in range(images):
            path = folder / f"class_{label}" / f"{index}.jpg"
            common.write_photograph(path, seed=label * images + index)


def measure(name: str, root: str, workers: int, repeats: int) -> list[dict[str, Any]]:
    """One row a loader: medians of images per second, plain and fast, and their ratio."""
    managers = {kind: manager(name, root, workers, keys) for kind, keys in KINDS.items()}
    rows = []
    for what, model in (("train", None), ("test", None), ("test + model", busy_model)):
        speeds: dict[str, list[float]] = {kind: [] for kind in managers}
        for kind, loaders in managers.items():
            list(loader_of(loaders, what))  # the first epoch fills caches and starts workers
            speeds[kind].clear()
        for _ in range(repeats):
            for kind, loaders in managers.items():
                speeds[kind].append(images_per_second(loader_of(loaders, what), model))
        medians = {kind: round(statistics.median(own), 1) for kind, own in speeds.items()}
        ratio = round(medians["fast"] / medians["plain"], 2)
        rows.append({"data": name, "workers": workers, "loader": what, **medians, "ratio": ratio})
        print(rows[-1], flush=True)
    return rows


def manager(name: str, root: str, workers: int, keys: dict[str, Any]) -> DataManager:
    """16 shots, 224 pixels; the test images are cut to 300, which suffices."""
    cfg = default_config()
    cfg.DATASET.NAME, cfg.DATASET.ROOT, cfg.SEED, cfg.VERBOSE = name, root, 1, False
    cfg.DATASET.NUM_SHOTS, cfg.DATALOADER.NUM_WORKERS = 16, workers
    cfg.DATALOADER.TRAIN_X.BATCH_SIZE, cfg.DATALOADER.TEST.BATCH_SIZE = 4, 25
    cfg.DATALOADER.CACHE_MEGABYTES = keys["CACHE_MEGABYTES"]
    cfg.DATALOADER.PERSISTENT_WORKERS = keys["PERSISTENT_WORKERS"]
    cfg.DATALOADER.TEST.PREFETCH = keys["PREFETCH"]
    loaders = DataManager(cfg)
    del loaders.dataset.test[300:]
    return loaders


def loader_of(loaders: DataManager, what: str) -> Iterable[Any]:
    return loaders.train_loader_x if what == "train" else loaders.test_loader


def images_per_second(loader: Iterable[Any], model: Any) -> float:
    started, images = time.perf_counter(), 0
    for batch in loader:
        images += len(batch["label"])
        if model:
            model(batch["img"])
    return images / (time.perf_counter() - started)


WEIGHT = torch.randn(768, 768)


def busy_model(images: torch.Tensor) -> None:
    """Stands for a model: some tens of milliseconds a batch."""
    tokens = images.flatten(1)[:, : 768 * 49].reshape(-1, 768)
    for _ in range(4):
        tokens = tokens @ WEIGHT / 28


if __name__ == "__main__":
    main()
