"""EuroSAT: 27,000 satellite images, 10 kinds of land use. Helber et al., IEEE JSTARS 2019."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import ClassFolders
from .tools.facts import Download, Facts, from_drive

ADDRESS = (
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
    "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip"
)


@register(DATASET_REGISTRY)
class EuroSAT(ClassFolders):
    dataset_dir = "eurosat"
    image_dir = "2750"
    template = "a centered satellite photo of {}."
    other_layouts = (
        ("eurosat", "EuroSAT_RGB"),
        ("EuroSAT", "2750"),
        ("", "EuroSAT_RGB"),
        ("", "2750"),
    )
    split_file = "split_zhou_EuroSAT.json"
    how_to_get = (
        "Unpack the RGB archive EuroSAT.zip (github.com/phelber/EuroSAT) in the folder eurosat, so "
        "that eurosat/2750/AnnualCrop holds images, and put CoOp's split_zhou_EuroSAT.json beside "
        "2750."
    )
    facts = Facts(
        sizes=(13500, 5400, 8100),
        classes=10,
        gigabytes=0.09,
        terms="MIT",
        downloads=(Download("EuroSAT.zip", (ADDRESS,), "c8fa014336c82ac7804f0398fcb19387"),),
        split=from_drive(split_file, "1Ip7yaCWFi0eaOFUGga0lUdVi_DDQth1o"),
        split_digest="3c417b259c8aff68d9dbf47142524b3ee641419d6d6d2a313d650b5af8d1110e",
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
