"""Where the published split is missing: the official lists of each dataset, and their rule."""

import json

import numpy as np
import pytest
from dassl.data.datasets import DATASET_REGISTRY
from scipy.io import savemat

from rpo.datasets.split import group_by_label


def pets(folder):
    lines = [f"{name}_{n} {label} 1 1" for n in range(10) for label, name in NAMES]
    write(folder / "annotations/trainval.txt", ["#Image CLASS-ID SPECIES", *lines])
    write(folder / "annotations/test.txt", ["Great_Pyrenees_99 2 1 1"])


NAMES = ((1, "Abyssinian"), (2, "Great_Pyrenees"))


def cars(folder):
    row = np.dtype([("class", object), ("fname", object)])
    annotations = np.array([(1 + n % 2, f"{n:05d}.jpg") for n in range(20)], dtype=row)
    (folder / "devkit").mkdir()
    savemat(folder / "devkit/cars_train_annos.mat", {"annotations": annotations})
    savemat(folder / "cars_test_annos_withlabels.mat", {"annotations": annotations[:3]})
    names = np.array(["Audi TTS Coupe 2012", "BMW M3 Coupe 2012"], dtype=object)
    savemat(folder / "devkit/cars_meta.mat", {"class_names": names})


def scenes(folder):
    write(folder / "ClassName.txt", ["/a/abbey", "/a/apartment_building/outdoor"])
    images = [f"{name}/sun_{n}.jpg" for n in range(10) for name in ("/a/abbey", OUTDOOR)]
    write(folder / "Training_01.txt", images)
    write(folder / "Testing_01.txt", [f"{OUTDOOR}/sun_99.jpg"])


OUTDOOR = "/a/apartment_building/outdoor"


def actions(folder):
    write(folder / "ucfTrainTestlist/classInd.txt", ["1 ApplyEyeMakeup", "2 YoYo"])
    videos = [f"{name}/v_{name}_g{n}.avi" for n in range(10) for name in ("ApplyEyeMakeup", "YoYo")]
    write(folder / "ucfTrainTestlist/trainlist01.txt", [f"{video} 1" for video in videos])
    write(folder / "ucfTrainTestlist/testlist01.txt", ["YoYo/v_YoYo_g99.avi"])


def flowers(folder):
    savemat(folder / "imagelabels.mat", {"labels": np.array([[2, 1] * 10], dtype=np.uint8)})
    (folder / "cat_to_name.json").write_text(json.dumps({"1": "pink primrose", "2": "bluebell"}))


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


CASES = {
    "OxfordPets": (pets, "Great_Pyrenees_99.jpg", 1, "great_pyrenees", [16, 4, 1]),
    "StanfordCars": (cars, "cars_test/00000.jpg", 0, "2012 Audi TTS Coupe", [16, 4, 3]),
    "SUN397": (scenes, f"{OUTDOOR[1:]}/sun_99.jpg", 1, "outdoor apartment_building", [16, 4, 1]),
    "UCF101": (actions, "Yo_Yo/v_YoYo_g99.jpg", 1, "Yo_Yo", [16, 4, 1]),
    "OxfordFlowers": (flowers, None, 1, "bluebell", [10, 4, 6]),
}


@pytest.mark.parametrize("name", CASES)
def test_official_lists_are_read_and_split(tmp_path, capsys, name):
    write_lists, image, label, class_name, sizes = CASES[name]
    dataset = DATASET_REGISTRY.get(name)
    (tmp_path / dataset.dataset_dir).mkdir()
    write_lists(tmp_path / dataset.dataset_dir)
    split = dataset.at(tmp_path).load_split()
    assert "NOT be comparable" in capsys.readouterr().out
    assert [len(items) for items in split.values()] == sizes
    assert (label, class_name) in {item[1:] for item in split["test"]}
    assert image is None or (image, label, class_name) in split["test"]
    assert {len(own) for own in group_by_label(split["train"]).values()} == {sizes[0] // 2}
    assert split == dataset.at(tmp_path).load_split()


@pytest.mark.parametrize("name", ["UCF101", "OxfordPets", "StanfordCars"])
def test_names_agree_with_the_published_split(shared, name):
    """The spelling of class names and files, on the published entries."""
    split = json.loads(shared(f"data/splits/split_zhou_{name}.json").read_text())
    for image, _, class_name in split["train"] + split["test"]:
        if name == "UCF101":
            action = image.split("/v_")[1].split("_")[0].lower()
            assert image.startswith(f"{class_name}/") and class_name.replace("_", "").lower() == (
                action
            )
        elif name == "OxfordPets":
            assert image.rpartition("_")[0].lower() == class_name
        else:
            assert class_name.split()[0].isdigit() and len(class_name.split()[0]) == 4
