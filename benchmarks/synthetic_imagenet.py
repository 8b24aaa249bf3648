"""Writes a synthetic ImageNet, and a CLIP of random weights: for a whole protocol, timed.

    python benchmarks/synthetic_imagenet.py /tmp/synthetic --classes 100
    rpo run base2new --methods RPO --datasets imagenet --seeds 1 --root /tmp/synthetic \\
        MODEL.BACKBONE.NAME /tmp/synthetic/random-ViT-B-16.pt

Made-up JPEGs of ImageNet's usual size in its layout, under the ids of its first classes. Accuracies
mean nothing; seconds are those of real images. Each log and results.json tells them by part.
"""

import argparse
from pathlib import Path

import common
import torch

from rpo.datasets.wordnet import wordnet_ids


def write(root: Path, classes: int, train: int, test: int) -> None:
    """Both folders of images, and classnames.txt."""
    folder, seed = root / "imagenet", 0
    ids = sorted(wordnet_ids())[:classes]
    for part, count in (("train", train), ("val", test)):
        for wordnet_id in ids:
            for index in range(count):
                name = f"{wordnet_id}_{index}.JPEG"
                common.write_photograph(folder / "images" / part / wordnet_id / name, seed)
                seed += 1
    names = "".join(f"{wordnet_id} thing {number}\n" for number, wordnet_id in enumerate(ids))
    (folder / "classnames.txt").write_text(names)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder of the datasets, made if it is missing")
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--train", type=int, default=20, help="images a class")
    parser.add_argument("--test", type=int, default=50, help="images a class, as ImageNet has")
    parser.add_argument("--backbone", choices=common.BACKBONES, default="ViT-B/16")
    options = parser.parse_args()
    write(options.root, options.classes, options.train, options.test)
    weights = options.root / f"random-{options.backbone.replace('/', '-')}.pt"
    torch.save(common.random_clip(options.backbone).state_dict(), weights)
    print(f"written: {options.root / 'imagenet'} and {weights}")
