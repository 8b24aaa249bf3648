"""StanfordCars: 196 models of cars. Krause et al., ICCV workshop 3dRR, 2013."""

from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .rules import OfficialLists, read_matlab
from .split import Item
from .tools.facts import Facts, from_drive

ANNOTATIONS = {"train": "devkit/cars_train_annos.mat", "test": "cars_test_annos_withlabels.mat"}


@register(DATASET_REGISTRY)
class StanfordCars(OfficialLists):
    dataset_dir = "stanford_cars"
    image_dir = ""
    other_layouts = (("stanford-cars", ""), ("cars", ""))
    split_file = "split_zhou_StanfordCars.json"
    how_to_get = (
        "Its own server is gone; copies of cars_train.tgz, cars_test.tgz, car_devkit.tgz and "
        "cars_test_annos_withlabels.mat are on Kaggle (pytorch/vision issue 7545). Unpack them so "
        "that stanford_cars/cars_train and stanford_cars/cars_test hold images, and put CoOp's "
        "split_zhou_StanfordCars.json beside them."
    )
    facts = Facts(
        sizes=(6509, 1635, 8041),
        classes=196,
        gigabytes=1.9,
        terms="research only",
        split=from_drive(split_file, "1ObCFbaAgVu0I-k_Au-gIUcefirdAuizT"),
        split_digest="dcea0404a53aa64574091b79f3e076770f5bf0cff4cfcc50f69a2229c5e04bf5",
    )

    def path_of(self, image: str) -> Path:
        """Kaggle's copy has cars_train/cars_train/00001.jpg."""
        part, _, name = image.partition("/")
        nested = self.images / part / part / name
        return nested if nested.is_file() else self.images / image

    def listed(self, part: str) -> list[Item]:
        """A class is named with its year first: `2012 Audi TTS Coupe`."""
        names = [_year_first(str(name)) for name in self._matlab("devkit/cars_meta.mat")]
        return [
            (f"cars_{part}/{row['fname']}", int(row["class"]) - 1, names[int(row["class"]) - 1])
            for row in self._matlab(ANNOTATIONS[part])
        ]

    def _matlab(self, name: str) -> Any:
        """The one table of a MATLAB file."""
        self.require(self.folder / name)
        return read_matlab(self.folder / name)["class_names" if "meta" in name else "annotations"]


def _year_first(name: str) -> str:
    model, _, year = name.rpartition(" ")
    return f"{year} {model}"
