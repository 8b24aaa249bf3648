"""A training step of RPO: the fast form, the padded form of the original, and the floor.

    python benchmarks/step.py --classes 100 --k 24 --batch 4

The floor is the plain forward pass of CLIP's image encoder, without which there is no step. Each
form runs in a process of its own, whose peak memory is counted above the loaded CLIP.
"""

import argparse
from collections.abc import Callable
from typing import Any

import common
import torch
from padded import PaddedModel
from torch.nn.functional import cross_entropy

from rpo.methods.compilation import MODES
from rpo.methods.rpo import RPO
from rpo.methods.text_backward import TextBackward


def measure(form: str, options: argparse.Namespace) -> tuple[float, float]:
    """Median seconds of a step and peak memory in MB above the loaded CLIP."""
    clip = common.random_clip(options.backbone, options.precision)
    images = common.images(clip, options.batch)
    loaded = common.reset_peak()
    if form == "floor":
        return common.seconds(lambda: plain(clip, images), options.repeats), 0.0
    step = training_step(form, clip, images, options)
    return common.seconds(step, options.repeats), common.peak() - loaded


def training_step(
    form: str, clip: Any, images: torch.Tensor, options: argparse.Namespace
) -> Callable[[], None]:
    """Forward, backward and the optimiser's step of one form on one batch."""
    texts, device = common.class_texts(options.classes), common.device()
    model: Any = RPO(clip, texts, k=options.k, compile=options.compile).to(device)
    if form == "bounded":
        model.text_backward = SomeClasses(options.differentiated)
    if form == "masked":
        model = PaddedModel(clip, texts, model.prompt_learner).to(device)
    optimiser = torch.optim.SGD(model.prompt_learner.parameters(), lr=0.01)
    labels = torch.arange(options.batch, device=common.device()) % options.classes

    def step() -> None:
        optimiser.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimiser.step()

    return step


class SomeClasses(TextBackward):
    """As with a tolerance that leaves so many classes: random weights have no few that matter."""

    def __init__(self, count: int) -> None:
        super().__init__(tolerance=0.5)
        self.count = count

    def chosen(self, gradients: torch.Tensor) -> torch.Tensor:
        squared = gradients.float().pow(2).sum(dim=(1, 2))
        self.differentiated = self.count
        return torch.zeros_like(squared).index_fill(0, squared.topk(self.count).indices, 1).bool()


@torch.no_grad()
def plain(clip: Any, images: torch.Tensor) -> None:
    clip.encode_image(images)


def compare(options: argparse.Namespace) -> dict[str, float]:
    """All three, one after the other."""
    fast, fast_peak = common.in_own_process(measure, "fast", options)
    floor, _ = common.in_own_process(measure, "floor", options)
    result = {"fast_s": fast, "floor_s": floor, "over_floor": fast / floor}
    result |= {"fast_peak_mb": fast_peak}
    if options.differentiated:
        bounded, _ = common.in_own_process(measure, "bounded", options)
        result |= {"bounded_s": bounded, "bounded_ratio": fast / bounded}
    if not options.fast_only:
        masked, masked_peak = common.in_own_process(measure, "masked", options)
        result |= {"masked_s": masked, "ratio": masked / fast, "masked_peak_mb": masked_peak}
    return {"classes": options.classes, "k": options.k, "batch": options.batch} | result


def parse() -> argparse.Namespace:
    parser = common.parser(__doc__, repeats=3, classes=100, k=24, batch=4)
    parser.add_argument("--compile", choices=MODES, default="none", help="of the fast form")
    parser.add_argument(
        "--differentiated",
        type=int,
        default=0,
        help="also the step with a tolerance that leaves so many classes",
    )
    parser.add_argument("--fast-only", action="store_true", help="leave the padded form out")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    common.show(compare(options), options.json)
