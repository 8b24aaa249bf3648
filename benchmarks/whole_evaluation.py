"""Evaluation from JPEG files to classes: RPO, one seed and three, and zero-shot CLIP.

    python benchmarks/whole_evaluation.py --images 200 --classes 100

Made-up JPEGs of ImageNet's usual size (500 x 375), decoding included; the same weights and images
for all, each as its own program evaluates: ours with the loader of `rpo train`, open_clip with its
own preprocessing in torch's DataLoader. Told are the share of the time in which the model waits for
images, and what 50,000 would take.
"""

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import common
import torch
from PIL import Image
from tabulate import tabulate
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils.data import DataLoader, Dataset

import rpo
from rpo.clip.load import Clip
from rpo.methods.rpo import RPO
from rpo.methods.rpo_stacked import StackedRPO

IMAGENET = 50_000


def write_images(folder: Path, count: int) -> list[Path]:
    """Made-up photographs of two classes."""
    paths = [folder / f"class_{index % 2}" / f"{index:05d}.jpg" for index in range(count)]
    for seed, path in enumerate(paths):
        common.write_photograph(path, seed)
    return paths


def our_loader(folder: Path, options: argparse.Namespace) -> Iterable[Tensor]:
    """The test loader of `rpo train` over the folder."""
    from dassl.data import DataManager

    import rpo.plugin  # noqa: F401
    from rpo.trainers.config import default_config

    cfg = default_config()
    cfg.DATASET.NAME, cfg.DATASET.FOLDER, cfg.DATASET.HOLD_OUT = "ImageFolder", str(folder), False
    cfg.DATALOADER.NUM_WORKERS = options.workers
    cfg.DATALOADER.TEST.BATCH_SIZE = options.batch
    with contextlib.redirect_stdout(io.StringIO()):
        loader = DataManager(cfg).test_loader
    return (batch["img"] for batch in loader)


class Files(Dataset):
    """As open_clip evaluates: torch's DataLoader on its own transform."""

    def __init__(self, paths: list[Path]) -> None:
        from open_clip.transform import image_transform

        self.paths, self.transform = paths, image_transform(224, is_train=False)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(Image.open(self.paths[index]))


def open_clip_model(clip: Clip) -> Any:
    """open_clip's ViT-B/16 with the very weights."""
    import open_clip

    model = open_clip.create_model("ViT-B-16-quickgelu")
    model.load_state_dict(clip.state_dict(), strict=False)
    return model.to(common.device()).eval()


@torch.inference_mode()
def timed(batches: Iterable[Tensor], score: Callable[[Tensor], Tensor]) -> tuple[float, float]:
    """Seconds in all, and those of them that were spent waiting for images."""
    waited, started = 0.0, time.perf_counter()
    iterator = iter(batches)
    while True:
        asked = time.perf_counter()
        images = next(iterator, None)
        waited += time.perf_counter() - asked
        if images is None:
            return time.perf_counter() - started, waited
        score(images.to(common.device())).argmax(dim=-1).cpu()


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each program."""
    clip = common.random_clip("ViT-B/16", options.precision)
    texts = common.class_texts(options.classes)
    learners = [common.prompt_learner(clip, options.k).to(common.device()) for _ in range(3)]
    one = RPO(clip, texts, k=options.k).to(common.device())
    three = StackedRPO(clip, texts, learners).to(common.device())
    zero_shot = rpo.ZeroshotCLIP(clip, texts)
    foreign, features = open_clip_model(clip), zero_shot.text_features()

    def open_clip_score(images: Tensor) -> Tensor:
        return normalize(foreign.encode_image(images), dim=-1) @ features.T

    with tempfile.TemporaryDirectory() as name:
        paths = write_images(Path(name), options.images)
        own = DataLoader(Files(paths), options.batch, num_workers=options.workers)
        runs: dict[str, tuple[Callable[[], Iterable[Tensor]], Any]] = {
            "zero-shot, ours": (lambda: our_loader(Path(name), options), zero_shot),
            "zero-shot, open_clip": (lambda: own, open_clip_score),
            "RPO, one seed": (lambda: our_loader(Path(name), options), one),
            "RPO, three seeds": (lambda: our_loader(Path(name), options), three),
        }
        return [row(name, *timed(load(), score), options) for name, (load, score) in runs.items()]


def row(name: str, seconds: float, waited: float, options: argparse.Namespace) -> dict[str, Any]:
    """Of one program."""
    return {
        "evaluation": name,
        "images/s": options.images / seconds,
        "waiting for images, %": 100 * waited / seconds,
        f"{IMAGENET:,} images, min": IMAGENET / options.images * seconds / 60,
    }


if __name__ == "__main__":
    parser = common.parser(__doc__, repeats=1, images=200, classes=100, k=24, batch=50, workers=2)
    rows = compare(parser.parse_args())
    print(tabulate(rows, headers="keys", tablefmt="github", floatfmt=".1f"))
