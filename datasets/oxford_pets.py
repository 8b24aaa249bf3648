"""OxfordPets: 37 breeds of cats and dogs. Parkhi et al., Cats and Dogs, CVPR 2012."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import OfficialLists
from .split import Item
from .tools.facts import Download, Facts, from_drive

ADDRESS = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"


@register(DATASET_REGISTRY)
class OxfordPets(OfficialLists):
    dataset_dir = "oxford_pets"
    image_dir = "images"
    template = "a photo of a {}, a type of pet."
    other_layouts = (("oxford-iiit-pet", "images"),)
    split_file = "split_zhou_OxfordPets.json"
    how_to_get = (
        "Unpack images.tar.gz and annotations.tar.gz (www.robots.ox.ac.uk/~vgg/data/pets) in the "
        "folder oxford_pets and put CoOp's split_zhou_OxfordPets.json beside them."
    )
    facts = Facts(
        sizes=(2944, 736, 3669),
        classes=37,
        gigabytes=0.8,
        terms="CC BY-SA 4.0",
        downloads=(
            Download(
                "images.tar.gz", (ADDRESS + "images.tar.gz",), "5c4f3ee8e5d25df40f4fd59a7f44e54c"
            ),
            Download(
                "annotations.tar.gz",
                (ADDRESS + "annotations.tar.gz",),
                "95a8c909bbe2e81eed6a22bccdf3f68f",
            ),
        ),
        split=from_drive(split_file, "1501r8Ber4nNKvmlFVQZ8SeUHTcdTTEqs"),
        split_digest="fbb12e86a2462a066ade4063b6b8bc90548b6a972765e496b8f628348d8e2b07",
    )

    def listed(self, part: str) -> list[Item]:
        """Lines are `Abyssinian_100 1 1 1`: image, class from 1, species, breed."""
        name = {"train": "trainval.txt", "test": "test.txt"}[part]
        words = [line.split() for line in self.lines(f"annotations/{name}") if line[0] != "#"]
        return [
            (f"{image}.jpg", int(label) - 1, image.rpartition("_")[0].lower())
            for image, label, *_ in words
        ]
