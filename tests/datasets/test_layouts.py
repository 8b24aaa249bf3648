"""Datasets as other tools lay them out are found, and it is said."""

import pytest
from dassl.data.datasets import build_dataset

MOVES = {
    "torchvision's Pets": ("OxfordPets", "oxford_pets", "oxford-iiit-pet"),
    "torchvision's Flowers": ("OxfordFlowers", "oxford_flowers", "flowers-102"),
    "torchvision's Aircraft": ("FGVCAircraft", "fgvc_aircraft", "fgvc-aircraft-2013b/data"),
    "torchvision's DTD": ("DescribableTextures", "dtd/images", "dtd/dtd/images"),
    "torchvision's SUN397": ("SUN397", "sun397/SUN397", "SUN397"),
    "torchvision's Caltech101": ("Caltech101", "caltech-101", "caltech101"),
    "torchvision's ImageNet": ("ImageNet", "imagenet/images/train", "imagenet/train"),
    "Zenodo's EuroSAT": ("EuroSAT", "eurosat/2750", "eurosat/EuroSAT_RGB"),
    "Caltech101 at the root": (
        "Caltech101",
        "caltech-101/101_ObjectCategories",
        "101_ObjectCategories",
    ),
    "Caltech101 in a folder of its own": (
        "Caltech101",
        "caltech-101/101_ObjectCategories",
        "caltech-101/caltech101/101_ObjectCategories",
    ),
    "the archive's Flowers": ("OxfordFlowers", "oxford_flowers/jpg", "oxford_flowers/x/jpg"),
    "Kaggle's Pets": ("OxfordPets", "oxford_pets/images", "oxford_pets/images/images"),
    "the archive's Sketch": ("ImageNetSketch", "imagenet-sketch/images", "imagenet-sketch/sketch"),
    "the archive's A": ("ImageNetA", "imagenet-adversarial/imagenet-a", "imagenet-a"),
}


@pytest.mark.parametrize("layout", MOVES)
def test_other_layouts(make_config, tmp_path, capsys, layout):
    name, old, new = MOVES[layout]
    cfg = make_config(dataset=name)
    before = [item.classname for item in build_dataset(cfg).test]
    root = tmp_path / "data"
    (root / old).rename(tmp_path / "moving")
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "moving").rename(root / new)
    if layout == "torchvision's ImageNet":
        (root / "imagenet/images/val").rename(root / "imagenet/val")
        (root / "imagenet/images").rmdir()
    capsys.readouterr()
    assert [item.classname for item in build_dataset(cfg).test] == before
    assert "found as" in capsys.readouterr().out


def test_kaggles_nested_cars(make_config, tmp_path):
    cfg = make_config(dataset="StanfordCars")
    root = tmp_path / "data" / "stanford_cars"
    nested = root / "class_0" / "class_0"
    (root / "class_0").rename(tmp_path / "moving")
    nested.parent.mkdir()
    (tmp_path / "moving").rename(nested)
    assert any("class_0/class_0" in item.impath for item in build_dataset(cfg).test)
