"""What TRAINER.RPO.GRADIENT_TOLERANCE costs in accuracy, and how much of the work it saves.

    python benchmarks/tolerance.py --classes 10 100 500

The tiny CLIP on the digits, among as many class names as asked for: the digits' own, and nouns that
it knows, with colours before them. For each tolerance: the error of the prompts' gradient and the
share of classes that are differentiated, at the start and at the end of a training and on average
over all its steps, and the test accuracy of a whole training.
"""

import argparse
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from sklearn.datasets import load_digits
from tabulate import tabulate
from torch import Tensor
from torch.nn.functional import cross_entropy

import rpo
from rpo.clip.preprocessing import Preprocessing
from rpo.methods.text_backward import TextBackward

sys.path.insert(0, str(Path(__file__).parents[1] / "tools" / "train_tiny_clip"))
from augment import COLOURS
from nouns import LAND_USE
from shapes import SHAPES

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
CLIP_IMAGES = Preprocessing(
    (32, 32), (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
)
SHOTS, BATCH, RATE = 16, 4, 0.05
TOLERANCES = (0.0, 1e-3, 1e-2, 1e-1)


def class_names(count: int) -> list[str]:
    """The digits, then other nouns with and without colours."""
    nouns = [*SHAPES, *LAND_USE]
    words = [f"{colour} {noun}".strip() for colour, noun in product(["", *COLOURS], nouns)]
    words += [f"{colour} {digit}" for colour, digit in product(COLOURS, DIGITS)]
    words += [f"{one} and {other}" for one, other in product(nouns, nouns) if one != other]
    return [*DIGITS, *dict.fromkeys(words)][:count]


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, SHOTS a digit, then 360 for testing."""
    data = load_digits()
    pixels = [
        Image.fromarray((each * 255 / 16).astype("uint8")).convert("RGB") for each in data.images
    ]
    images = torch.stack([CLIP_IMAGES(image) for image in pixels])
    labels = torch.from_numpy(data.target)
    train = torch.cat([(labels[:1000] == digit).nonzero()[:SHOTS, 0] for digit in range(10)])
    return images[train], labels[train], images[-360:], labels[-360:]


def train(model: Any, images: Tensor, labels: Tensor, epochs: int) -> float:
    """SGD with a cosine, as in the released configs; the mean share of classes differentiated."""
    torch.manual_seed(1)
    shares = []
    optimiser = torch.optim.SGD(model.learner().parameters(), lr=RATE, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
            shares.append(model.text_backward.differentiated / len(model.texts))
        schedule.step()
    return sum(shares) / len(shares)


def gradient(model: Any, images: Tensor, labels: Tensor, tolerance: float) -> Tensor:
    """Of both kinds of prompts, as one vector."""
    model.text_backward = TextBackward(tolerance=tolerance)
    loss = cross_entropy(model(images), labels)
    return torch.cat(
        [each.flatten() for each in torch.autograd.grad(loss, list(model.learner().parameters()))]
    )


def errors(model: Any, images: Tensor, labels: Tensor, tolerance: float) -> tuple[float, float]:
    """Means over ten batches: relative error of the gradient, share of classes differentiated."""
    torch.manual_seed(2)
    found = []
    for batch in torch.randperm(len(images)).split(BATCH)[:10]:
        exact = gradient(model, images[batch], labels[batch], 0.0)
        error = gradient(model, images[batch], labels[batch], tolerance) - exact
        share = model.text_backward.differentiated / len(model.texts)
        found.append((float(error.norm() / exact.norm()), share))
    return tuple(torch.tensor(found).mean(dim=0).tolist())


def compare(count: int, tolerance: float, options: argparse.Namespace) -> dict[str, float]:
    """One row."""
    images, labels, test_images, test_labels = digits()
    torch.manual_seed(0)
    texts = [f"a photo of a {name}." for name in class_names(count)]
    model = rpo.RPO(rpo.load_clip("tiny"), texts, k=options.k)
    start = errors(model, images, labels, tolerance)
    model.text_backward = TextBackward(tolerance=tolerance)
    began = time.perf_counter()
    mean = train(model, images, labels, options.epochs)
    seconds = time.perf_counter() - began
    with torch.no_grad():
        hits = (model(test_images).argmax(dim=1) == test_labels).float().mean()
    end = errors(model, images, labels, tolerance)
    return {
        "classes": count,
        "t": tolerance,
        "error, start": start[0],
        "differentiated, start": start[1],
        "error, end": end[0],
        "differentiated, end": end[1],
        "differentiated, mean": mean,
        "accuracy": 100 * float(hits),
        "seconds": seconds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 500])
    parser.add_argument("--k", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    rows = [compare(*case, options) for case in product(options.classes, TOLERANCES)]
    print(tabulate(rows, headers="keys", tablefmt="github", floatfmt=".4f"))
