"""OxfordFlowers: 102 kinds of flowers. Nilsback and Zisserman, ICVGIP 2008."""

import random

from dassl.data.datasets import DATASET_REGISTRY

from rpo.files import parse_json, read_text
from rpo.registration import register

from .base import FewShotDataset
from .rules import read_matlab
from .split import Item, Split, split_each_class
from .tools.facts import Download, Facts, from_drive

ADDRESS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"


@register(DATASET_REGISTRY)
class OxfordFlowers(FewShotDataset):
    dataset_dir = "oxford_flowers"
    image_dir = "jpg"
    template = "a photo of a {}, a type of flower."
    other_layouts = (("flowers-102", "jpg"), ("oxford_flowers", "102flowers/jpg"))
    split_file = "split_zhou_OxfordFlowers.json"
    how_to_get = (
        "Unpack 102flowers.tgz (www.robots.ox.ac.uk/~vgg/data/flowers/102) in the folder "
        "oxford_flowers, so that oxford_flowers/jpg holds images, and put CoOp's "
        "split_zhou_OxfordFlowers.json (or imagelabels.mat and cat_to_name.json) beside jpg."
    )
    facts = Facts(
        sizes=(4093, 1633, 2463),
        classes=102,
        gigabytes=0.35,
        terms="none stated",
        downloads=(
            Download(
                "102flowers.tgz", (ADDRESS + "102flowers.tgz",), "52808999861908f626f3c1f4e79d11fa"
            ),
            Download(
                "imagelabels.mat",
                (ADDRESS + "imagelabels.mat",),
                "e0620be6f572b9609742df49c70aed4d",
            ),
        ),
        split=from_drive(split_file, "1Pp0sRXzZFZq15zVOzKjKBu4A9i01nozT"),
        split_digest="a93b5800cd8892ae98cfc3b9ec3b37ece80aa627b0b6197db46dfdbf99042df9",
    )

    def make_split(self) -> Split:
        return split_each_class(self.items(), random.Random(0))

    def items(self) -> list[Item]:
        """imagelabels.mat has one class from 1 an image, cat_to_name.json the names."""
        for name in ("imagelabels.mat", "cat_to_name.json"):
            self.require(self.folder / name)
        labels = read_matlab(self.folder / "imagelabels.mat")["labels"]
        names = parse_json(read_text(self.folder / "cat_to_name.json"))
        if nameless := {str(label) for label in labels} - set(names):
            raise ValueError(f"{self.folder / 'cat_to_name.json'} has no name of {min(nameless)}")
        return [
            (f"image_{number:05d}.jpg", int(label) - 1, names[str(label)])
            for number, label in enumerate(labels, start=1)
        ]
