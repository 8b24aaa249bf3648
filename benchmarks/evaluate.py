"""Evaluation of RPO against zero-shot CLIP on the same images, and of several seeds in one pass.

    python benchmarks/evaluate.py --k 24 --seeds 3

Text features are there before the clock starts, as they are in a real evaluation.
"""

import argparse

import common
import torch
from torch.nn.functional import normalize

from rpo.attention import own_text_features
from rpo.methods.rpo import RPO
from rpo.methods.rpo_stacked import StackedRPO


@torch.no_grad()
def compare(options: argparse.Namespace) -> dict[str, float]:
    """Images per second of RPO, of zero-shot CLIP and, by run, of several runs in one pass."""
    clip = common.random_clip(options.backbone, options.precision)
    images = common.images(clip, options.batch)
    texts = common.class_texts(options.classes)
    learners = [
        common.prompt_learner(clip, options.k).to(common.device()) for _ in range(options.seeds)
    ]
    model = RPO(clip, texts, k=options.k).to(common.device())
    stacked = StackedRPO(clip, texts, learners).to(common.device())
    text_features = own_text_features(model.text_tower, model.ids, model.lengths)

    def zero_shot() -> torch.Tensor:
        return normalize(clip.encode_image(images.to(clip.dtype)), dim=-1) @ text_features.T

    times = {"zeroshot": [], "rpo": [], "stacked": []}
    calls = {
        "zeroshot": zero_shot,
        "rpo": lambda: model(images),
        "stacked": lambda: stacked(images),
    }
    for _ in range(options.repeats):  # in turn, so that a machine that slows down slows all
        for name, call in calls.items():
            times[name].append(common.seconds(call, repeats=1, warm_up=int(not times[name])))
    best = {
        name: options.batch / sorted(values)[len(values) // 2] for name, values in times.items()
    }
    return {
        "k": options.k,
        "images_per_s": best["rpo"],
        "zeroshot_images_per_s": best["zeroshot"],
        "ratio": best["rpo"] / best["zeroshot"],
        "seeds": options.seeds,
        "stacked_speedup": options.seeds * best["stacked"] / best["rpo"],
    }


if __name__ == "__main__":
    options = common.parser(__doc__, repeats=5, classes=100, k=24, batch=32, seeds=3).parse_args()
    common.show(compare(options), options.json)
