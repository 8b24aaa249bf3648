"""Your own images: folders, a CSV, class names from a file."""

import json
import os
import re
import shutil

import pytest
from dassl.data.datasets import build_dataset

from rpo.cli import main
from rpo.inference.sources import listed_images, trained_classes
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


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("{name}/{part}", "cat has folders train and test, and parts come before classes: "),
        ("photos/{name}", "holds nothing but the folder photos, and that the folders cat, dog"),
        ("photos/{part}/{name}", "holds nothing but the folder photos, and that the folders test"),
        ("train/photos/{name}", "own/train holds nothing but the folder photos"),
    ],
)
def test_folders_that_would_be_other_classes_are_refused(own, draw_image, place, said):
    """Each would be read as other classes, or test images as training images."""
    folder = own().parent / "other" / "own"
    for index in range(12):
        name, part = ("cat", "dog")[index % 2], ("train", "test")[index // 2 % 2]
        draw_image(folder / place.format(name=name, part=part) / f"{index}.png")
    for read in (lambda: load(FOLDER=folder), lambda: listed_images(folder)):
        with pytest.raises(ValueError, match=re.escape(said)):
            read()


def test_shots_that_are_more_than_images_are_said(own, capsys):
    dataset = load(FOLDER=own("train", "test"), NUM_SHOTS=9)
    said = "2 of 2 classes have fewer than 9 images (6): all of theirs are used"
    assert said in capsys.readouterr().out and dataset.provenance["fewer_images"] == said
    assert "fewer_images" not in load(FOLDER=own(), NUM_SHOTS=2).provenance


def test_parts_without_training_images_are_refused(own):
    with pytest.raises(ValueError, match="own has Test and val, but no folder train"):
        load(FOLDER=own("Test", "val"))


def test_images_of_deeper_folders_count_to_their_class_and_it_is_said(own, capsys):
    dataset = load(FOLDER=own("animals", "statues"), NUM_SHOTS=1)
    assert dataset.classnames == ["animals", "statues"]
    assert "animals/cat, whose images count as those of the class 'animals'" in (
        capsys.readouterr().out
    )


def test_folders_beside_those_of_parts_are_left_aside_and_it_is_said(own, draw_image, capsys):
    folder = own("train", "test")
    draw_image(folder / "unlabelled" / "0.png")
    assert load(FOLDER=folder).classnames == ["cat", "dog"]
    assert "own: unlabelled is not read, as there are folders of parts: train, test" in (
        capsys.readouterr().out
    )


def test_a_class_may_be_called_train(own, draw_image):
    folder = own("train").parent / "vehicles"
    for name in ("bus", "train"):
        for index in range(4):
            draw_image(folder / name / f"{index}.png")
    assert load(FOLDER=folder).classnames == ["bus", "train"] == sorted(trained_classes(folder))
    assert set(listed_images(folder)[1]) == {"bus", "train"}
    for index in range(4):
        (folder / "train" / str(index)).mkdir()
        (folder / "train" / f"{index}.png").rename(folder / "train" / str(index) / "0.png")
    with pytest.raises(ValueError, match=r"train, with the folders 0, 1, 2, 3 in it, beside bus"):
        load(FOLDER=folder)


def test_validation_images_are_the_test_set_where_a_csv_has_no_others(own, capsys):
    """As of folders. They were learnt from, too, and measured on."""
    rows = [(name, n, ("training", "Valid")[n % 2]) for name in ("cat", "dog") for n in range(6)]
    path = write_csv(own(), rows)
    for hold_out in (True, False):
        cfg = default_config()
        cfg.DATASET.NAME, cfg.DATASET.CSV, cfg.DATASET.HOLD_OUT = "ImageFolder", str(path), hold_out
        dataset = build_dataset(cfg)
        assert sizes(dataset) == [6, 0, 6]
        learnt = {item.impath for item in dataset.train_x}
        assert learnt.isdisjoint(item.impath for item in dataset.test)
        assert "has no test images: those of val are the test set" in capsys.readouterr().out
    assert len(listed_images(path)[0]) == 6


def test_an_image_under_two_spellings_is_one(own):
    path = write_csv(own(), [("cat", 0, "train"), ("dog", 0, "train")])
    path.write_text(path.read_text() + "./dog/../cat/0.png,dog,train\n")
    with pytest.raises(ValueError, match="is listed before, with another label or part"):
        load(CSV=path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("image_path,species\ncat/0.png,cat\n", "line 1 is image_path,species: as a header it"),
        ("cat/0.png;cat\n", "cells are divided by commas, and not by ';'"),
    ],
)
def test_a_csv_of_another_form_is_explained(own, content, said):
    path = own() / "list.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(said)):
        load(CSV=path)


def test_hidden_folders_are_no_classes_and_training_images_can_be_listed(own, draw_image):
    folder = own("train")
    draw_image(folder / "train" / ".thumbnails" / "0.png")
    _, names = listed_images(folder)
    assert set(names) == {"cat", "dog"} == trained_classes(folder)


def test_a_document_or_a_film_is_no_image(own):
    """Pillow knows how they are called, and reads neither."""
    folder = own()
    for name in ("notes.pdf", "film.mpg", "table.h5"):
        (folder / "cat" / name).write_text("no image")
    assert len(load(FOLDER=folder, NUM_SHOTS=-1).train_x) < 12
    files, _ = listed_images(folder)
    assert {os.path.splitext(file)[1] for file in files} == {".png"}


def test_other_classes_in_the_test_folder_are_named(own):
    folder = own("train", "test")
    (folder / "test" / "dog").rename(folder / "test" / "god")
    with pytest.raises(ValueError, match="same as for training: dog, god"):
        load(FOLDER=folder)


def test_a_class_name_is_text_whatever_the_locale(own):
    """A name that the locale's encoding cannot read arrives as stand-ins for its bytes."""
    folder = own()
    os.rename(folder / "cat", os.fsencode(folder / "chat") + b"\xe9")
    assert load(FOLDER=folder).classnames == ["chat\N{REPLACEMENT CHARACTER}", "dog"]


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
    ("content", "said"),
    [
        ("one\n", "1 class names for 2"),
        ("a\na\n", "more than once"),
        ("sea_lake\nSea  Lake\n", "which CLIP reads alike"),
    ],
)
def test_class_names_that_do_not_fit(own, tmp_path, content, said):
    (tmp_path / "names.txt").write_text(content)
    with pytest.raises(ValueError, match=said):
        load(FOLDER=own(), CLASS_NAMES=tmp_path / "names.txt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "names.json is no JSON"),
        ('[["cat"], ["dog"]]', r"\['cat'\] is no class name"),
        ('["cat", " cat "]', "more than once"),
        ('{"cat": "a", "dog": null}', "None is no class name"),
        ('"cat"', "neither a list of class names"),
        ("3", "neither a list of class names"),
    ],
)
def test_json_that_holds_no_class_names(own, tmp_path, content, said):
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(ValueError, match=said):
        load(FOLDER=own(), CLASS_NAMES=tmp_path / "names.json")


def test_a_file_in_another_encoding_is_named(own, tmp_path):
    (tmp_path / "names.txt").write_bytes(b"cat\nb\xe4r\n")
    with pytest.raises(ValueError, match=r"names\.txt, line 2: it is not UTF-8"):
        load(FOLDER=own(), CLASS_NAMES=tmp_path / "names.txt")
    (tmp_path / "list.csv").write_bytes(b"own/cat/0.png,cat\nown/dog/0.png,b\xe4r\n")
    with pytest.raises(ValueError, match=r"list\.csv, line 2: it is not UTF-8"):
        load(CSV=tmp_path / "list.csv")


def test_folders_that_clip_reads_alike_are_refused(own):
    folder = own()
    (folder / "dog").rename(folder / "Cat")
    with pytest.raises(ValueError, match="'Cat' and 'cat', which CLIP reads alike"):
        load(FOLDER=folder)


def write_csv(folder, rows):
    lines = [f"{name}/{index}.png,{name},{part}\n" for name, index, part in rows]
    (folder / "list.csv").write_text("path,label,split\n" + "".join(lines))
    return folder / "list.csv"


def test_a_label_that_is_only_tested_is_refused(own):
    rows = [("cat", 0, "train"), ("cat", 1, "test"), ("dog", 0, "test")]
    with pytest.raises(ValueError, match="no training image of 'dog', but images for validation"):
        load(CSV=write_csv(own(), rows))


def test_a_label_that_is_never_tested_is_said(own, capsys):
    rows = [("cat", 0, "train"), ("cat", 1, "test"), ("dog", 0, "train")]
    load(CSV=write_csv(own(), rows))
    assert "no test image of 'dog'" in capsys.readouterr().out


def test_an_image_with_two_labels_is_named(own):
    path = write_csv(own(), [("cat", 0, "train"), ("dog", 0, "train"), ("cat", 1, "test")])
    path.write_text(path.read_text() + "dog/0.png,cat,train\n")
    with pytest.raises(ValueError, match=r"line 5: dog/0\.png is listed before, with another"):
        load(CSV=path)


def test_a_single_image_cannot_be_learnt_and_tested(own, draw_image, capsys):
    draw_image(own() / "fox" / "0.png")
    with pytest.raises(ValueError, match="own has a single image of 'fox', which cannot be both"):
        load(FOLDER=own(), NUM_SHOTS=1)
    assert main(["data", "check", str(own())]) == 1
    assert "a single image of 'fox'" in capsys.readouterr().out


def test_one_class_is_refused(own):
    folder = own()
    shutil.rmtree(folder / "dog")
    with pytest.raises(ValueError, match=f"{folder} has the single class 'cat'"):
        load(FOLDER=folder)


@pytest.mark.parametrize("key", ["FOLDER", "CSV"])
def test_nothing_is_said_of_a_layout_that_coop_has(own, capsys, key):
    source = own()
    if key == "CSV":
        rows = [(name, n, part) for name in ("cat", "dog") for n, part in enumerate(SIZES)]
        source = write_csv(source, rows)
    load(**{key: source})
    assert "CoOp" not in capsys.readouterr().out


def test_a_folder_can_be_checked(own, capsys):
    folder = own()
    assert main(["data", "check", str(folder)]) == 0
    assert "ImageFolder: complete" in capsys.readouterr().out
    (folder / "cat" / "0.png").write_bytes(b"no image")
    assert main(["data", "check", str(folder)]) == 1
    assert "1 images cannot be read" in capsys.readouterr().out


def test_what_is_no_dataset_might_have_been_a_folder(capsys):
    assert main(["data", "check", "nope"]) == 2
    assert "or a folder of class folders, or a CSV of path,label; nope does not" in (
        capsys.readouterr().err
    )
    assert main(["data", "prepare", "nope"]) == 2
    assert "a CSV" not in capsys.readouterr().err


def test_a_csv_can_be_checked(own, capsys):
    rows = [(name, n, part) for name in ("cat", "dog") for n, part in enumerate(SIZES)]
    path = write_csv(own(), rows)
    assert main(["data", "check", str(path)]) == 0
    path.write_text(path.read_text() + "dog/none.png,dog,train\n")
    assert main(["data", "check", str(path)]) == 1
    assert "1 of 7 images are not in" in capsys.readouterr().out
