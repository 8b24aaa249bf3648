"""ImageNetR: 30,000 renditions, 200 classes. Hendrycks et al., Many Faces, ICCV 2021."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .tools.facts import Download, Facts
from .wordnet import CLASS_NAMES, ImageNetVariant


@register(DATASET_REGISTRY)
class ImageNetR(ImageNetVariant):
    dataset_dir = "imagenet-rendition"
    image_dir = "imagenet-r"
    other_layouts = (("", "imagenet-r"),)
    how_to_get = (
        "Unpack imagenet-r.tar (github.com/hendrycks/imagenet-r) in the folder imagenet-rendition, "
        "and put CoOp's classnames.txt there or in imagenet."
    )
    facts = Facts(
        sizes=(0, 0, 30000),
        classes=200,
        gigabytes=2.2,
        terms="MIT",
        downloads=(
            Download(
                "imagenet-r.tar",
                ("https://people.eecs.berkeley.edu/~hendrycks/imagenet-r.tar",),
                md5="a61312130a589d0ca1a8fca1f2bd3337",
            ),
        ),
        split=CLASS_NAMES,
    )
