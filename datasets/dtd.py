"""DescribableTextures (DTD): 47 kinds of textures. Cimpoi et al., CVPR 2014."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import ClassFolders
from .tools.facts import Download, Facts, from_drive


@register(DATASET_REGISTRY)
class DescribableTextures(ClassFolders):
    dataset_dir = "dtd"
    image_dir = "images"
    template = "{} texture."
    other_layouts = (("dtd/dtd", "images"),)
    split_file = "split_zhou_DescribableTextures.json"
    how_to_get = (
        "Unpack dtd-r1.0.1.tar.gz (www.robots.ox.ac.uk/~vgg/data/dtd) and put CoOp's "
        "split_zhou_DescribableTextures.json in its folder dtd."
    )
    facts = Facts(
        sizes=(2820, 1128, 1692),
        classes=47,
        gigabytes=0.63,
        terms="research only",
        downloads=(
            Download(
                "dtd-r1.0.1.tar.gz",
                ("https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",),
                md5="fff73e5086ae6bdbea199a49dfb8a4c1",
            ),
        ),
        split=from_drive(split_file, "1u3_QfB467jqHgNXC00UIzbLZRQCg2S7x"),
        split_digest="460b9ea269753f33a1a5f348c87c27cb0c6c154e9991018006b86a2a16ed6331",
    )
