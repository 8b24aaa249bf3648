"""One sentence that names the thing; nothing half-written."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.exceptions import NotFittedError

from rpo import FewShotClassifier


def refused(message, kind=ValueError):
    return pytest.raises(kind, match=message)


def test_before_fit(classifier, files, tmp_path):
    for call in (
        lambda: classifier().predict(files),
        lambda: classifier()(files[0]),
        lambda: classifier().with_classes(["a", "b"]),
        lambda: classifier().save_pretrained(tmp_path / "out"),
    ):
        with refused("not fitted yet: call fit", NotFittedError):
            call()
    assert not (tmp_path / "out").exists()


def test_training_images(classifier, photos, files, tmp_path, draw_image):
    labels = [file.parent.name for file in files]
    with refused("11 images and 12 labels"):
        classifier().fit(files[1:], labels)
    with refused("12 images and 1 labels"):
        classifier().fit(files, labels[:1])
    with refused(f"labels are for a list of images; {photos} is given without any"):
        classifier().fit(photos, labels)
    with refused("there are no images"):
        classifier().fit([], [])
    with refused("images need labels"):
        classifier().fit(files)
    with refused(r"3 is none \(image 1\): map numbers to names"):
        classifier().fit(files, [3] * len(files))
    with refused("' a' begins or ends with a space"):
        classifier().fit(files, [" a"] * len(files))
    with refused("'a..b' begins or ends with a space, or has several lines"):
        classifier().fit(files, ["a\nb"] * len(files))
    with refused("single class 'red'"):
        classifier().fit(files, ["red"] * len(files))
    with refused("no image file .*gone.jpg", FileNotFoundError):
        classifier().fit([*files, "gone.jpg"], [*labels, "red"])
    with refused("neither a folder of class folders nor a CSV", FileNotFoundError):
        classifier().fit(tmp_path / "gone")
    (photos / "empty").mkdir()
    with refused("empty holds no folders of images: there should be one for each class"):
        classifier().fit(photos / "empty")
    with refused("empty holds no image"):
        classifier().fit(photos)
    (photos / "empty").rename(photos / "Red")
    draw_image(photos / "Red" / "1.jpg")
    with refused("which CLIP reads alike"):
        classifier().fit(photos)


def test_a_training_image_that_is_none(classifier, photos, files):
    (photos / "red" / "0.jpg").write_text("no image")
    with refused('Cannot read the image ".*0.jpg".*rpo data check'):
        classifier(shots=0).fit(photos)
    with refused('Cannot read the image ".*0.jpg".*[^`]$'):  # no list that could be checked is kept
        classifier(shots=0).fit(files, [file.parent.name for file in files])


def test_an_image_that_is_given_twice(classifier, files):
    labels = [file.parent.name for file in files]
    with refused("0.jpg is given twice: as 'blue_car' of train images, and as 'red' of train"):
        classifier().fit([*files, files[0]], [*labels, "red"])


def test_labels_beside_a_table(classifier, files):
    table = pd.DataFrame({"path": list(map(str, files))})
    with refused("labels come with a table"):
        classifier().fit(table, ["red"] * len(files))


def test_what_a_table_says_of_parts(classifier, files):
    table = pd.DataFrame({"path": [str(file) for file in files], "split": "training"}, index=files)
    table["label"] = [file.parent.name for file in files]
    table.loc[files[3], "split"] = None
    with refused(f"row {re.escape(str(files[3]))} of the table: split is '[Nn]"):
        classifier().fit(table)


def test_labels_that_a_tool_has_numbered(classifier, files):
    with refused("np.int64.0. is none .* Tools of scikit-learn that number the labels themselves"):
        classifier().fit(files, np.zeros(len(files), dtype=int))


def test_an_image_that_would_exhaust_the_memory(fitted, tmp_path):
    Image.new("L", (1, 5_000_000)).save(tmp_path / "thin.png")
    with refused("thin.png: an image of 1 x 5000000 pixels is too thin: with 32 on its shorter"):
        fitted.predict([tmp_path / "thin.png"])


@pytest.mark.parametrize("error", [RuntimeError, IndexError, NotImplementedError])
def test_a_decoder_may_fail_in_any_way(fitted, files, monkeypatch, error):
    def fail(*arguments, **options):
        raise error("broken")

    monkeypatch.setattr(Image.Image, "convert", fail)
    with refused("0.jpg cannot be read as an image: broken"):
        fitted.predict(files[:1])


@pytest.mark.parametrize("size", [0, -1, 1.5, None])
def test_a_batch_of_no_image(fitted, files, size):
    fitted.batch_size = size
    with refused("batch_size is .*; it must be a whole number from 1 on"):
        fitted.predict(files)


def test_names_and_values(classifier, photos):
    with refused("there is no method .ROP.. Did you mean .RPO."):
        classifier("ROP").fit(photos)
    with refused("vit-b"):
        classifier().set_params(backbone="vit-b").fit(photos)
    with refused('has no "{}"'):
        classifier(template="a photo").fit(photos)
    with refused("K is 0; it must be at least 1"):
        classifier(options={"TRAINER.RPO.K": 0}).fit(photos)
    with refused("no device 'gpu'"):
        classifier(device="gpu").fit(photos)
    with refused("no trainer config .K4x.. .*Choices: .*tiny_K4 .looked", FileNotFoundError):
        classifier(config="K4x").fit(photos)
    for seed in (None, -1, 2**32, 1.5, True):
        with refused(f"seed is {seed!r}; it must be a whole number from 0"):
            classifier(seed=seed).fit(photos)
    with refused("options are a dictionary of keys and values"):
        classifier().set_params(options=["OPTIM.MAX_EPOCH", 1]).fit(photos)
    with refused("options: there is no key .OPTIM.RATE.", KeyError):
        classifier(options={"OPTIM.RATE": 1}).fit(photos)
    for key, name in (
        ("MODEL.BACKBONE.NAME", "backbone"),
        ("TRAINER.NAME", "method"),
        ("DATASET.NUM_SHOTS", "shots"),
        ("SEED", "seed"),
    ):
        with refused(f"{key} is no key of options here: give --{name}, in Python {name}="):
            classifier(options={key: "tiny"}).fit(photos)


def test_weights_that_are_not_here(photos, tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setenv("CLIP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with refused("name another backbone .--backbone, in Python backbone=", FileNotFoundError):
        FewShotClassifier(progress=False).fit(photos)


def test_a_device_that_is_not_here(classifier, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with refused("the device 'cuda' is not here; cpu can be used"):
        classifier(device="cuda").fit(photos)
    with refused("the device 'mps' is not here"):
        FewShotClassifier.from_pretrained(tmp_path / "not looked at", device="mps")
    with refused("the device 'meta' is not here"):
        classifier(device="meta").fit(photos)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with refused("the device 'cuda:2' is not here; cuda:0, cuda:1 can be used"):
        classifier(device="cuda:2").fit(photos)


def test_images_to_predict(fitted, tmp_path, files):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(bomb)
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "cut.jpg").write_bytes(files[0].read_bytes()[:500])
    for name, message in (
        ("bomb.png", "bomb.png has too many pixels"),
        ("text.jpg", "text.jpg cannot be read as an image"),
        ("cut.jpg", "cut.jpg cannot be read as an image"),
    ):
        with refused(message):
            fitted.predict([files[0], tmp_path / name])
    with refused("there is no image file gone.jpg", FileNotFoundError):
        fitted.predict("gone.jpg")
    with refused("of type int"):
        fitted.predict([3])
    for nothing in (None, 3):
        with refused(f"images are files or of Pillow, or a list of such, and not {nothing}"):
            fitted.predict(nothing)
    with refused("an image has 0 x 3 pixels"):
        fitted.predict(Image.new("RGB", (0, 3)))
    for top_k in (0, 1.5):
        with refused(f"top_k is {top_k}; it must be a whole number from 1 on"):
            fitted(files[0], top_k=top_k)
    (tmp_path / "nothing").mkdir()
    with refused("there is no image in"):
        fitted.predict(tmp_path / "nothing")
    assert fitted.predict([]).shape == (0,)
    with refused("there are no images"):
        fitted.score([], [])
    with refused("the table has the columns name, label; it needs path"):
        fitted.predict(pd.DataFrame({"name": ["a.jpg"], "label": ["red"]}))
    with_paths = pd.DataFrame({"path": list(map(str, files[:3])), "label": ["red"] * 3})
    assert list(fitted.predict(with_paths)) == list(fitted.predict(files[:3]))


def test_other_classes(fitted, classifier, photos):
    for names, message in (
        (["one"], "two classes are the least"),
        (["a", "b", "a"], "'a' stands there more than once"),
        ((name for name in ["one"]), "two classes are the least"),
        ("kettle", "a list of words"),
        (None, "a list of words"),
        (["a_b", "c", "A B"], "CLIP reads the class names 'a_b' and 'A B' alike"),
        (["Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"], "CLIP reads the class names"),  # as macOS has it
        (["cats & dogs", "cow", "cats &amp; dogs"], "'cats & dogs' and 'cats &amp; dogs' alike"),
        (["a", 3], "a list of words"),
    ):
        with refused(message):
            fitted.with_classes(names)
    own = {"TRAINER.COOP.CSC": True, "TRAINER.COOP.CTX_INIT": ""}
    for method, options in (("LogisticProbe", {}), ("CoOp", own)):
        with refused(f"this {method} has learnt something for each of its own classes"):
            classifier(method, options=options).fit(photos).with_classes(["a", "b", "c"])


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def change(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_folder_of_another_version_or_none(saved, tmp_path):
    load = FewShotClassifier.from_pretrained
    change(saved, format=2)
    with refused("has format 2, and this version of rpo reads up to 1: update"):
        load(saved)
    change(saved, format="x")
    with refused("not of a saved classifier"):
        load(saved)
    (saved / "config.json").write_text("{")
    with refused("config.json is damaged"):
        load(saved)
    with refused("no config.json in it", FileNotFoundError):
        load(tmp_path)
    (saved / "model.safetensors").unlink()
    with refused("no model.safetensors in it", FileNotFoundError):
        load(saved)


def test_a_method_that_is_not_installed_is_no_damage(saved):
    change(saved, method="Shift")
    with refused("saved is of the method 'Shift', which is not installed here: RPO_PATH should"):
        FewShotClassifier.from_pretrained(saved)


@pytest.mark.parametrize("value", [None, 3, "x", [], {}, ["a"], {"a": 1}, float("nan")])
def test_every_field_damaged(saved, value):
    intact = json.loads((saved / "config.json").read_text())
    free = {"trained_on", "versions", "accuracy", "temperature", "templates"}
    for name in intact.keys() - free:
        if intact[name] == value or type(intact[name]) is type(value) and name == "precision":
            continue
        change(saved, **{**intact, name: value})
        with pytest.raises((ValueError, FileNotFoundError)):
            FewShotClassifier.from_pretrained(saved)


def test_tensors_that_are_damaged_or_no_numbers(saved):
    path = saved / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-4])
    with refused("model.safetensors is damaged"):
        FewShotClassifier.from_pretrained(saved)
    path.write_bytes(content)
    tensors = load_file(path)
    tensors["text_prompt"][0, 0] = float("nan")
    save_file(tensors, path)
    rehash(saved)
    with refused("text_prompt holds NaN"):
        FewShotClassifier.from_pretrained(saved)
    save_file({"text_prompt": torch.zeros(4, 64)}, path)
    rehash(saved)
    with refused("img_prompt is missing"):
        FewShotClassifier.from_pretrained(saved)


def rehash(folder):
    import hashlib

    content = (folder / "model.safetensors").read_bytes()
    change(folder, tensors_sha256=hashlib.sha256(content).hexdigest())


def test_another_backbone(saved, random_clip, tmp_path):
    other = tmp_path / "other.pt"
    torch.save(random_clip(seed=1).state_dict(), other)
    recorded = json.loads((saved / "config.json").read_text())["backbone_sha256"]
    with refused(f"SHA-256 {recorded}, and .*other.pt has [0-9a-f]{{64}}"):
        FewShotClassifier.from_pretrained(saved, backbone=str(other))
    change(saved, backbone=str(tmp_path / "gone.pt"))
    with refused("gone.pt"):
        FewShotClassifier.from_pretrained(saved)


def test_a_folder_of_something_else_is_kept(fitted, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("...")
    with refused("is there already", FileExistsError):
        fitted.save_pretrained(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    (tmp_path / "mine" / "config.json").write_text('{"model_type": "clip"}')
    with refused("is there already", FileExistsError):
        fitted.save_pretrained(tmp_path / "mine")
    assert len(list((tmp_path / "mine").iterdir())) == 2
