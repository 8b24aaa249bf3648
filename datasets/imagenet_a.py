"""ImageNetA: 7,500 natural adversarial images, 200 classes. Hendrycks et al., CVPR 2021."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .tools.facts import Download, Facts
from .wordnet import CLASS_NAMES, ImageNetVariant


@register(DATASET_REGISTRY)
class ImageNetA(ImageNetVariant):
    dataset_dir = "imagenet-adversarial"
    image_dir = "imagenet-a"
    other_layouts = (("", "imagenet-a"),)
    how_to_get = (
        "Unpack imagenet-a.tar (github.com/hendrycks/natural-adv-examples) in the folder "
        "imagenet-adversarial, and put CoOp's classnames.txt there or in imagenet."
    )
    facts = Facts(
        sizes=(0, 0, 7500),
        classes=200,
        gigabytes=0.69,
        terms="MIT",
        downloads=(
            Download(
                "imagenet-a.tar",
                ("https://people.eecs.berkeley.edu/~hendrycks/imagenet-a.tar",),
                md5="c3e55429088dc681f30d81f4726b6595",
            ),
        ),
        split=CLASS_NAMES,
    )
