"""EuroSAT: 27,000 satellite images, 10 kinds of land use. Helber et al., IEEE JSTARS 2019."""

from dassl.data.datasets import DATASET_REGISTRY

from .base import ClassFolders


@DATASET_REGISTRY.register()
class EuroSAT(ClassFolders):
    dataset_dir = "eurosat"
    image_dir = "2750"
    split_file = "split_zhou_EuroSAT.json"
    how_to_get = (
        "Unpack the RGB archive EuroSAT.zip (github.com/phelber/EuroSAT) in the folder eurosat, so "
        "that eurosat/2750/AnnualCrop holds images, and put CoOp's split_zhou_EuroSAT.json beside "
        "2750."
    )
    class_names = {
        "AnnualCrop": "Annual Crop Land",
        "Forest": "Forest",
        "HerbaceousVegetation": "Herbaceous Vegetation Land",
        "Highway": "Highway or Road",
        "Industrial": "Industrial Buildings",
        "Pasture": "Pasture Land",
        "PermanentCrop": "Permanent Crop Land",
        "Residential": "Residential Buildings",
        "River": "River",
        "SeaLake": "Sea or Lake",
    }
