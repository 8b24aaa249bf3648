"""Your own images: folders, a CSV, class names from a file."""

import json
import shutil

import pytest
from dassl.data.datasets import build_dataset

from rpo.trainers.config import default_config
from rpo.trainers.origin import dataset_title

SIZES = {"train": 3, "val": 1, "test": 2}


@pytest.fixture
def own(tmp_path, draw_image, monkeypatch):
    """A function that draws `cat` and `dog` folders below each given part."""
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))

    def draw(*parts, images=6):
        for part in parts or ("",):
            for seed, name in enumerate(("cat", "dog")):
                for index in range(images):
                    draw_image(tmp_path / "own" / part / name / f"{index}.png", seed=seed)
        return tmp_path / "own"

    return draw


def load(**keys):
    cfg = default_config()
    cfg.DATASET.NAME, cfg.SEED = "ImageFolder", 1
    for key, value in keys.items():
        cfg.DATASET[key] = str(value) if key != "NUM_SHOTS" else value
    return build_dataset(cfg)


def sizes(dataset):
    return [len(part or []) for part in (dataset.train_x, dataset.val, dataset.test)]


def test_one_folder_is_split_and_nothing_is_written_there(own):
    folder = own()
    before = sorted(folder.rglob("*"))
    dataset = load(FOLDER=folder, NUM_SHOTS=2)
    assert dataset.classnames == ["cat", "dog"] and sizes(dataset) == [4, 2, 4]
    assert sorted(folder.rglob("*")) == before and dataset_title(dataset.cfg) == "own"
    again = load(FOLDER=folder, NUM_SHOTS=2)
    assert [item.impath for item in again.train_x] == [item.impath for item in dataset.train_x]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("train", "test"), [12, 0, 12]),
        (("train", "val"), [12, 0, 12]),
        (("Train", "valid", "test"), [12, 12, 12]),
        (("train",), [6, 2, 4]),
    ],
)
def test_parts_that_are_there_are_used(own, parts, expected):
    dataset = load(ROOT=own(*parts))
    assert sizes(dataset) == expected
    if "test" in parts:
        assert all("/test/" in item.impath for item in dataset.test)


def test_other_classes_in_the_test_folder_are_named(own):
    folder = own("train", "test")
    (folder / "test" / "dog").rename(folder / "test" / "god")
    with pytest.raises(ValueError, match="same as for training: dog, god"):
        load(FOLDER=folder)


def test_a_class_without_images_is_named(own):
    folder = own()
    shutil.rmtree(folder / "dog")
    (folder / "dog").mkdir()
    (folder / "dog" / "notes.txt").write_text("no image")
    with pytest.raises(ValueError, match="dog holds no image"):
        load(FOLDER=folder)


@pytest.mark.parametrize("header", ["path,label\n", "filename,class\n", ""])
def test_a_csv_of_path_and_label(own, tmp_path, header):
    folder = own()
    images = sorted(path.relative_to(tmp_path) for path in folder.rglob("*.png"))
    rows = [f"{path},{path.parent.name}\n" for path in images]
    (tmp_path / "list.csv").write_text(header + "".join(rows))
    dataset = load(CSV=tmp_path / "list.csv")
    assert dataset.classnames == ["cat", "dog"] and sizes(dataset) == [6, 2, 4]


def test_a_csv_with_parts_and_numbers(own):
    folder = own()
    rows = [
        f"{name}/{index}.png,{number},{'train' if index < 4 else 'test'}\n"
        for number, name in ((10, "cat"), (9, "dog"))
        for index in range(6)
    ]
    (folder / "list.csv").write_text("path,label,split\n" + "".join(rows))
    dataset = load(CSV=folder / "list.csv")
    assert dataset.classnames == ["9", "10"] and sizes(dataset) == [8, 0, 4]


@pytest.mark.parametrize("row", ["cat/0.png", "cat/0.png,", "cat/0.png,cat,tomorrow"])
def test_a_wrong_row_is_named(own, row):
    folder = own()
    (folder / "list.csv").write_text(f"path,label,split\ncat/1.png,cat,train\n{row}\n")
    with pytest.raises(ValueError, match=r"list\.csv, line 3"):
        load(CSV=folder / "list.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.txt", "house cat\nhound\n"),
        ("names.json", json.dumps({"cat": "house cat", "dog": "hound"})),
        ("names.json", json.dumps(["house cat", "hound"])),
    ],
)
def test_class_names_from_a_file(own, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    dataset = load(FOLDER=own(), CLASS_NAMES=tmp_path / name)
    assert dataset.classnames == ["house cat", "hound"]


@pytest.mark.parametrize(
    ("content", "said"), [("one\n", "1 class names for 2"), ("a\na\n", "more than once")]
)
def test_class_names_that_do_not_fit(own, tmp_path, content, said):
    (tmp_path / "names.txt").write_text(content)
    with pytest.raises(ValueError, match=said):
        load(FOLDER=own(), CLASS_NAMES=tmp_path / "names.txt")
