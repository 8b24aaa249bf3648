"""UCF101: 101 human actions, middle frames of videos. Soomro et al., arXiv 1212.0402, 2012."""

import re

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import OfficialLists
from .split import Item
from .tools.facts import Facts, from_drive


@register(DATASET_REGISTRY)
class UCF101(OfficialLists):
    dataset_dir = "ucf101"
    image_dir = "UCF-101-midframes"
    template = "a photo of a person doing {}."
    other_layouts = (("", "UCF-101-midframes"),)
    split_file = "split_zhou_UCF101.json"
    how_to_get = (
        "Unpack CoOp's UCF-101-midframes.zip in the folder ucf101 and put CoOp's "
        "split_zhou_UCF101.json beside UCF-101-midframes."
    )
    facts = Facts(
        sizes=(7639, 1898, 3783),
        classes=101,
        gigabytes=0.0,
        terms="none stated",
        downloads=(from_drive("UCF-101-midframes.zip", "10Jqome3vtUA2keJkNanAiFpgbyC9Hc2O"),),
        split=from_drive(split_file, "1I0S0q91hJfsV9Gf4xDIjgDq4AqBNJb1y"),
        split_digest="86e0d907236fc556f8cc9e07f6bd82285054fc83a82a3284fcbdd88a1db9e61e",
    )

    def listed(self, part: str) -> list[Item]:
        """Lines are `ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`; the frames are .jpg."""
        numbered = (line.split() for line in self.lines("ucfTrainTestlist/classInd.txt"))
        labels = {action: int(number) - 1 for number, action in numbered}
        lines = self.lines(f"ucfTrainTestlist/{part}list01.txt")
        videos = (line.split()[0].split("/") for line in lines)
        return [
            (f"{_spelt(action)}/{video.replace('.avi', '.jpg')}", labels[action], _spelt(action))
            for action, video in videos
        ]


def _spelt(action: str) -> str:
    """ApplyEyeMakeup to Apply_Eye_Makeup: folder of the frames, and class name."""
    return "_".join(re.findall("[A-Z][^A-Z]*", action))
