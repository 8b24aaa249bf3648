"""ImageNetV2: 10,000 new test images of 1,000 classes. Recht et al., ICML 2019."""

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .folders import class_folders, visible_files
from .split import Item
from .tools.facts import Download, Facts
from .wordnet import CLASS_NAMES, NAMES_DIGEST, ImageNetVariant

ARCHIVE = "imagenetv2-matched-frequency.tar.gz"


@register(DATASET_REGISTRY)
class ImageNetV2(ImageNetVariant):
    """Its folders are called 0 ... 999: the label itself, in the sorted order of WordNet ids."""

    dataset_dir = "imagenetv2"
    image_dir = "imagenetv2-matched-frequency-format-val"
    other_layouts = (("", "imagenetv2-matched-frequency-format-val"),)
    how_to_get = (
        "Unpack imagenetv2-matched-frequency.tar.gz (github.com/modestyachts/ImageNetV2) in the "
        "folder imagenetv2, and put CoOp's classnames.txt there or in imagenet."
    )
    facts = Facts(
        sizes=(0, 0, 10000),
        classes=1000,
        gigabytes=1.3,
        terms="MIT",
        downloads=(
            Download(
                ARCHIVE,
                (
                    f"https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/{ARCHIVE}",
                    f"https://s3-us-west-2.amazonaws.com/imagenetv2public/{ARCHIVE}",
                ),
            ),
        ),
        split=CLASS_NAMES,
        names_digest=NAMES_DIGEST,
    )

    def folder_items(self, below: str) -> list[Item]:
        folders = class_folders(self.images)
        names = [name for _, name in sorted(self.class_names(len(folders)).items())]
        strange = [folder for folder in folders if folder not in map(str, range(len(names)))]
        if strange:
            raise ValueError(
                f"{self.images / strange[0]} is not a label from 0 to {len(names) - 1}"
            )
        return [
            (f"{folder}/{image}", int(folder), names[int(folder)])
            for folder in sorted(folders, key=int)
            for image in visible_files(self.images / folder)
        ]
