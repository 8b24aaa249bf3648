"""Several runs of RPO on the same batches, in turns in one process, against as many alone.

    python benchmarks/turns.py --runs 10 --classes 50 --k 4

A round is a training step of every run; CLIP's own pass over the batch is computed by the first.
"""

import argparse
from collections.abc import Callable, Sequence

import common
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rpo.clip.load import Clip
from rpo.methods.rpo import RPO
from rpo.methods.shared_pass import sharing


def steps(
    clip: Clip, images: Sequence[Tensor], options: argparse.Namespace
) -> list[Callable[[int], None]]:
    """Training steps of as many runs as asked for, on the batch of a number."""
    texts = common.class_texts(options.classes)
    return [
        step(RPO(clip, texts, k=options.k).to(common.device()), images) for _ in range(options.runs)
    ]


def step(model: RPO, images: Sequence[Tensor]) -> Callable[[int], None]:
    """Of one run."""
    optimiser = torch.optim.SGD(model.learner().parameters(), lr=0.01)

    def take(batch: int) -> None:
        optimiser.zero_grad()
        labels = torch.arange(len(images[batch]), device=common.device())
        cross_entropy(model(images[batch]), labels).backward()
        optimiser.step()

    return take


def seconds_a_round(takes: Sequence[Callable[[int], None]], rounds: int) -> float:
    """The median; every round has another batch."""
    numbers = iter(range(rounds + 1))

    def one_round() -> None:
        batch = next(numbers)
        for take in takes:
            take(batch)

    return common.seconds(one_round, rounds)


def compare(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a round both ways, one after the other."""
    clip = common.random_clip(options.backbone, options.precision)
    images = [common.images(clip, options.batch) for _ in range(options.repeats + 1)]
    alone = seconds_a_round(steps(clip, images, options), options.repeats)
    with sharing():
        together = seconds_a_round(steps(clip, images, options), options.repeats)
    sizes = {name: getattr(options, name) for name in ("runs", "classes", "k", "batch")}
    return sizes | {"alone_s": alone, "together_s": together, "share": together / alone}


if __name__ == "__main__":
    parser = common.parser(__doc__, repeats=2, runs=10, classes=50, k=4, batch=4)
    options = parser.parse_args()
    common.show(compare(options), options.json)
