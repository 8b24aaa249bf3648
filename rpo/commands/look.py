"""`rpo look`: attention maps of the visual prompts of a run of RPO, as a figure and as numbers."""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import torch
from dassl.data.transforms import build_transform
from dassl.engine import build_trainer
from torch import Tensor

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.attention_figure import draw, grid_of, require_matplotlib
from rpo.attention_maps import AttentionMaps, attention_maps, check_visual_prompts
from rpo.clip.precision import autocast
from rpo.files import write_bytes, write_text
from rpo.inference.images import read_image
from rpo.trainers.origin import read_config, use_data_below

# Images in a picture: each has a row, with a map for every prompt.
MOST = 100


class Shown(NamedTuple):
    """An image file, and the name of its class where that is known."""

    path: str
    truth: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="RUN_DIR", help="a run folder of RPO")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--images", nargs="+", metavar="PATH", help="image files of yours")
    chosen.add_argument("--count", type=int, default=6, help="test images, of all classes in turn")
    parser.add_argument("--layer", type=int, help="of the image encoder, from 1 (default: last)")
    parser.add_argument(
        "--root", help="of the datasets, or of your own images (default: the run's)"
    )
    parser.add_argument("--load-epoch", type=int, help="epoch to load (default: best, or newest)")
    parser.add_argument("-o", "--output", help="the picture (default: RUN_DIR/attention.png)")


def run(args: argparse.Namespace) -> int:
    """Writes the picture, and beside it the numbers as JSON."""
    require_matplotlib()
    trainer = load_run(args)
    shown = chosen_images(args, trainer.dm.dataset.test)
    images = read_images([image.path for image in shown], trainer.cfg)
    layer = len(trainer.model.image_tower.blocks) if args.layer is None else args.layer
    maps, guesses = look(trainer, images, layer)
    picture = Path(args.output or Path(args.folder, "attention.png"))
    captions = [caption(*pair) for pair in zip(shown, guesses, strict=True)]
    write_bytes(picture, draw(pixels(images, trainer.cfg), captions, maps, layer))
    numbers = picture.with_suffix(".json")
    write_text(numbers, json.dumps(record(args.folder, layer, shown, guesses, maps)) + "\n")
    print(f"written to {picture} and {numbers}")
    return 0


@torch.no_grad()
def look(trainer: Any, images: Tensor, layer: int) -> tuple[AttentionMaps, list[str]]:
    """The attention maps of images, and the class that the model predicts for each."""
    images = images.to(trainer.device)
    with autocast(trainer.cfg.TRAINER.RPO.PREC, trainer.device):
        maps = attention_maps(trainer.model, images, layer)
    best = trainer.model_inference(images).argmax(dim=1).tolist()
    return AttentionMaps(*(weights.cpu() for weights in maps)), [
        trainer.lab2cname[label] for label in best
    ]


def load_run(args: argparse.Namespace) -> Any:
    """The run's trainer, with what it has learnt.

    Raises:
        FileNotFoundError: the folder holds no run. ValueError: it has no read-only visual prompts.
    """
    cfg = read_config(Path(args.folder))
    if cfg.TRAINER.NAME != "RPO":
        raise ValueError(f"{args.folder} is a run of {cfg.TRAINER.NAME}; only RPO's can be shown")
    use_data_below(cfg, args.root)
    trainer = build_trainer(cfg)
    check_visual_prompts(trainer.model)
    trainer.load_model(args.folder, epoch=args.load_epoch)
    trainer.set_model_mode("eval")
    return trainer


def chosen_images(args: argparse.Namespace, tested: Sequence[Any]) -> list[Shown]:
    """What --images names, or else --count of the test images: one a class, then a second, ..."""
    if not 1 <= (count := len(args.images or ()) or args.count) <= MOST:
        raise ValueError(
            f"a picture shows 1 to {MOST} images; --count or --images ask for {count:,}"
        )
    if args.images:
        return [Shown(path, None) for path in args.images]
    classes = defaultdict(list)
    for item in tested:
        classes[item.label].append(Shown(item.impath, item.classname))
    rounds = zip_longest(*(classes[label] for label in sorted(classes)))
    return [image for images in rounds for image in images if image][: args.count]


def read_images(paths: Sequence[str], cfg: Any) -> Tensor:
    """(images, 3, height, width), as in a test. Raises as `rpo.inference.images.read_image`."""
    transform: Any = build_transform(cfg, is_train=False)
    return torch.stack([transform(read_image(path)) for path in paths])


def pixels(images: Tensor, cfg: Any) -> Tensor:
    """Normalised images as colours from 0 to 1."""
    mean, deviation = (
        torch.tensor(values)[:, None, None]
        for values in (cfg.INPUT.PIXEL_MEAN, cfg.INPUT.PIXEL_STD)
    )
    return (images * deviation + mean).clamp(0, 1)


def caption(shown: Shown, guess: str) -> str:
    """The true class, and the predicted one if that is another."""
    if shown.truth is None:
        return f"{Path(shown.path).name}:\n{guess}"
    return shown.truth if guess == shown.truth else f"{shown.truth},\npredicted\n{guess}"


def record(
    folder: str, layer: int, shown: Sequence[Shown], guesses: Sequence[str], maps: AttentionMaps
) -> dict[str, Any]:
    """attention.json: a row of weights sums to 1, CLS first, then the patches row by row."""
    return {
        "run": folder,
        "layer": layer,
        "heads": "mean",
        "grid": grid_of(maps.class_token),
        "images": [
            {
                "path": image.path,
                "truth": image.truth,
                "prediction": guess,
                "class_token": _rounded(maps.class_token[row]),
                "prompts": [_rounded(weights) for weights in maps.prompts[row]],
            }
            for row, (image, guess) in enumerate(zip(shown, guesses, strict=True))
        ],
    }


def _rounded(weights: Tensor) -> list[float]:
    return [round(weight, 7) for weight in weights.tolist()]
