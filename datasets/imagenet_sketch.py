"""ImageNetSketch: 50,889 sketches of 1,000 classes. Wang et al., NeurIPS 2019."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .tools.facts import Download, Facts
from .wordnet import CLASS_NAMES, NAMES_DIGEST, ImageNetVariant


@register(DATASET_REGISTRY)
class ImageNetSketch(ImageNetVariant):
    dataset_dir = "imagenet-sketch"
    image_dir = "images"
    other_layouts = (("imagenet-sketch", "sketch"), ("", "sketch"))
    how_to_get = (
        "Unpack ImageNet-Sketch.zip (github.com/HaohanWang/ImageNet-Sketch) in the folder "
        "imagenet-sketch, call its folder images, and put CoOp's classnames.txt there or in "
        "imagenet."
    )
    facts = Facts(
        sizes=(0, 0, 50889),
        classes=1000,
        gigabytes=7.6,
        terms="MIT",
        downloads=(
            Download(
                "ImageNet-Sketch.zip",
                (
                    "https://huggingface.co/datasets/songweig/imagenet_sketch/resolve/main/data/"
                    "ImageNet-Sketch.zip",
                ),
            ),
        ),
        split=CLASS_NAMES,
        names_digest=NAMES_DIGEST,
    )
