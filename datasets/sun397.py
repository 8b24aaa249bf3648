"""SUN397: 397 kinds of scenes. Xiao et al., CVPR 2010."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import OfficialLists
from .split import Item
from .tools.facts import Download, Facts, from_drive

ADDRESS = "vision.princeton.edu/projects/2010/SUN/"


@register(DATASET_REGISTRY)
class SUN397(OfficialLists):
    dataset_dir = "sun397"
    image_dir = "SUN397"
    other_layouts = (("", "SUN397"),)
    split_file = "split_zhou_SUN397.json"
    how_to_get = (
        "Unpack SUN397.tar.gz and Partitions.zip (vision.princeton.edu/projects/2010/SUN) in the "
        "folder sun397, so that sun397/SUN397/a holds class folders, and put CoOp's "
        "split_zhou_SUN397.json beside SUN397."
    )
    facts = Facts(
        sizes=(15880, 3970, 19850),
        classes=397,
        gigabytes=39.0,
        terms="none stated",
        downloads=(
            Download(
                "SUN397.tar.gz",
                (f"https://{ADDRESS}SUN397.tar.gz", f"http://{ADDRESS}SUN397.tar.gz"),
                md5="8ca2778205c41d23104230ba66911c7a",
            ),
            Download("Partitions.zip", (f"https://{ADDRESS}download/Partitions.zip",)),
        ),
        split=from_drive(split_file, "1y2RD81BYuiyvebdN-JymPfyWYcd8_MUq"),
    )

    def listed(self, part: str) -> list[Item]:
        """Lines are `/a/apartment_building/outdoor/sun_x.jpg`, named outdoor apartment_building."""
        folders = self.lines("ClassName.txt")
        labels = {folder: label for label, folder in enumerate(folders)}
        images = self.lines({"train": "Training_01.txt", "test": "Testing_01.txt"}[part])
        return [
            (image[1:], labels[folder], " ".join(reversed(folder.split("/")[2:])))
            for image, folder in ((image, image.rpartition("/")[0]) for image in images)
        ]
