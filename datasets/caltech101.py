"""Caltech101: objects of 100 classes. Fei-Fei et al., CVPR workshop 2004."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import ClassFolders
from .tools.facts import Download, Facts, from_drive


@register(DATASET_REGISTRY)
class Caltech101(ClassFolders):
    dataset_dir = "caltech-101"
    image_dir = "101_ObjectCategories"
    other_layouts = (
        ("caltech101", "101_ObjectCategories"),
        ("caltech-101", "caltech-101/101_ObjectCategories"),
        ("caltech-101", "caltech101/101_ObjectCategories"),
        ("", "101_ObjectCategories"),
    )
    split_file = "split_zhou_Caltech101.json"
    how_to_get = (
        "Unpack 101_ObjectCategories.tar.gz (data.caltech.edu/records/mzrjq-6wc02) in the folder "
        "caltech-101 and put CoOp's split_zhou_Caltech101.json beside 101_ObjectCategories."
    )
    facts = Facts(
        sizes=(4128, 1649, 2465),
        classes=100,
        gigabytes=0.14,
        terms="CC BY 4.0",
        downloads=(
            Download(
                "caltech-101.zip",
                ("https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip?download=1",),
                md5="3138e1922a9193bfa496528edbbc45d0",
            ),
        ),
        split=from_drive(split_file, "1hyarUivQE36mY6jSomru6Fjd-JzwcCzN"),
        split_digest="17c403faec919d379f39dc7d3b6c6ac6681a16d4bac38bf9f45b2fa97fc27b6f",
    )
    ignored = ("BACKGROUND_Google", "Faces_easy")
    class_names = {
        "airplanes": "airplane",
        "Faces": "face",
        "Leopards": "leopard",
        "Motorbikes": "motorbike",
    }
