"""Evaluation of RPO against zero-shot CLIP on the same images, and of several seeds in one pass.

    python benchmarks/evaluate.py --k 24 --seeds 3

Text features are there before the clock starts, as they are in a real evaluation.
"""

import argparse
import json

import common
import torch
from tabulate import tabulate
from torch.nn.functional import normalize

from rpo.model import ReadOnlyModel
from rpo.precision import PRECISIONS
from rpo.stacked import StackedModel


@torch.no_grad()
def compare(options: argparse.Namespace) -> dict[str, float]:
    """Images per second of RPO, of zero-shot CLIP and, by run, of several runs in one pass."""
    clip = common.random_clip(options.backbone, options.precision)
    images = common.images(clip, options.batch)
    texts = common.class_texts(options.classes)
    learners = [
        common.prompt_learner(clip, options.k).to(common.device()) for _ in range(options.seeds)
    ]
    model = ReadOnlyModel(clip, texts, learners[0]).to(common.device())
    stacked = StackedModel(clip, texts, learners).to(common.device())
    text_features = model.text_tower.encode(model.ids, model.lengths)

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


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--k", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--backbone", choices=common.BACKBONES, default="ViT-B/16")
    parser.add_argument("--precision", choices=PRECISIONS[:3], default="fp32")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    result = compare(options)
    if options.json:
        print(json.dumps(result))
    else:
        print(tabulate([result], headers="keys", tablefmt="github", floatfmt=".2f"))
