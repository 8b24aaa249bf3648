"""Caltech101: objects of 100 classes. Fei-Fei et al., CVPR workshop 2004."""

from dassl.data.datasets import DATASET_REGISTRY

from .base import ClassFolders


@DATASET_REGISTRY.register()
class Caltech101(ClassFolders):
    dataset_dir = "caltech-101"
    image_dir = "101_ObjectCategories"
    split_file = "split_zhou_Caltech101.json"
    how_to_get = (
        "Unpack 101_ObjectCategories.tar.gz (data.caltech.edu/records/mzrjq-6wc02) in the folder "
        "caltech-101 and put CoOp's split_zhou_Caltech101.json beside 101_ObjectCategories."
    )
    ignored = ("BACKGROUND_Google", "Faces_easy")
    class_names = {
        "airplanes": "airplane",
        "Faces": "face",
        "Leopards": "leopard",
        "Motorbikes": "motorbike",
    }
