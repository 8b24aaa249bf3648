"""Food101: 101 dishes. Bossard et al., ECCV 2014."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import ClassFolders
from .tools.facts import Download, Facts, from_drive


@register(DATASET_REGISTRY)
class Food101(ClassFolders):
    dataset_dir = "food-101"
    image_dir = "images"
    template = "a photo of {}, a type of food."
    other_layouts = (("food-101/food-101", "images"), ("food101", "images"))
    split_file = "split_zhou_Food101.json"
    how_to_get = (
        "Unpack food-101.tar.gz (data.vision.ee.ethz.ch/cvl/datasets_extra/food-101) and put "
        "CoOp's split_zhou_Food101.json in its folder food-101."
    )
    facts = Facts(
        sizes=(50500, 20200, 30300),
        classes=101,
        gigabytes=5.0,
        terms="scientific fair use",
        downloads=(
            Download(
                "food-101.tar.gz",
                ("https://data.vision.ee.ethz.ch/cvl/food-101.tar.gz",),
                md5="85eeb15f3717b99a5da872d97d918f87",
            ),
        ),
        split=from_drive(split_file, "1QK0tGi096I0Ba6kggatX1ee6dJFIcEJl"),
    )
