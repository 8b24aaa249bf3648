"""Prediction, other classes, saving and loading; with every method."""

import json
import pickle
import shutil
import subprocess
import sys
from copy import deepcopy

import dassl.utils
import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor,
)

import rpo
from rpo import FewShotClassifier
from rpo.clip.load import TINY_FILE, is_of_files, load_clip, sha256
from rpo.clip.preprocessing import Preprocessing
from rpo.inference.images import prepared, read_image
from rpo.methods.traits import known_traits

MEAN, STD = (0.48, 0.45, 0.40), (0.26, 0.26, 0.27)
# What CLIP reads of the folders' names.
TEXTS = ["a photo of a blue car.", "a photo of a green tea.", "a photo of a red."]


@pytest.mark.parametrize("size", [(32, 32), (20, 28)])
@pytest.mark.parametrize("shape", [(40, 48), (48, 40), (33, 101), (32, 32), (7, 9)])
@pytest.mark.parametrize("name", ["bicubic", "bilinear", "nearest"])
def test_preprocessing_is_torchvisions(size, shape, name):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    theirs = Compose(
        [Resize(max(size), InterpolationMode(name)), CenterCrop(size), ToTensor(),
         Normalize(MEAN, STD)]
    )  # fmt: skip
    assert torch.equal(Preprocessing(size, MEAN, STD, name)(image), theirs(image))


def test_images_are_read_in_order_and_few_at_a_time(files, tmp_path):
    asked = []

    def sources():
        for index in range(40):
            asked.append(index)
            yield files[index % len(files)] if index != 7 else tmp_path / "gone.jpg"

    answers = prepared(sources(), Preprocessing((8, 8), MEAN, STD), ahead=5)
    for index, (source, image) in enumerate(answers):
        assert len(asked) <= index + 6 + 1
        if index == 7:
            assert isinstance(image, FileNotFoundError)
        else:
            assert source == files[index % len(files)]
            assert torch.equal(image, Preprocessing((8, 8), MEAN, STD)(read_image(source)))


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_grey_in_16_bits_is_not_white(tmp_path, mode):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    deep = (grey.astype(np.uint16) << 8) + 7
    image = Image.frombytes(
        mode, (16, 16), deep.astype("<u2" if mode == "I;16" else ">u2").tobytes()
    )
    expected = Image.fromarray(grey).convert("RGB")
    assert read_image(image).tobytes() == expected.tobytes()
    for read in (read_image, dassl.utils.read_image):
        image.save(tmp_path / "deep.tiff")
        pgm = b"P5 16 16 65535\n" + deep.astype(">u2").tobytes()
        (tmp_path / "deep.pgm").write_bytes(pgm)  # which Pillow calls 32 bits
        for name in ("deep.tiff", "deep.pgm"):
            assert read(str(tmp_path / name)).tobytes() == expected.tobytes()


def test_floating_point_numbers_up_to_one_are_not_black(tmp_path):
    shares = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    for read in (read_image, dassl.utils.read_image):
        Image.fromarray(shares).save(tmp_path / "shares.tiff")
        with pytest.raises(ValueError, match="shares.tiff.*its numbers lie between 0 and 1, not"):
            read(str(tmp_path / "shares.tiff"))
        Image.fromarray(255 * shares).save(tmp_path / "whole.tiff")
        assert np.asarray(read(str(tmp_path / "whole.tiff"))).max() == 255


def test_pickled_it_predicts_the_same(fitted, classifier, files):
    expected = fitted.predict_proba(files)
    for copy in (pickle.loads(pickle.dumps(fitted)), deepcopy(fitted)):
        assert np.array_equal(copy.predict_proba(files), expected)
        assert list(copy.classes_) == list(fitted.classes_)
    assert not hasattr(pickle.loads(pickle.dumps(classifier())), "classes_")


def test_what_it_says_of_images(fitted, photos, files):
    rows = fitted.predict_proba(files)
    assert rows.shape == (12, 3) and np.allclose(rows.sum(axis=1), 1)
    names = fitted.predict(files)
    assert list(fitted.classes_) == ["blue_car", "green tea", "red"]
    assert list(names) == [fitted.classes_[row.argmax()] for row in rows]
    labels = [file.parent.name for file in files]
    accuracy = np.mean(names == np.array(labels))
    for given in ((files, labels), (photos,), (str(photos),), ((files, labels),)):
        assert fitted.score(*given) == accuracy
    assert np.array_equal(fitted.predict_proba(photos), rows)
    images = [Image.open(file) for file in files]
    assert np.array_equal(fitted.predict_proba(images), rows)
    for single in (files[3], str(files[3]), images[3]):
        np.testing.assert_allclose(fitted.predict_proba(single)[0], rows[3], rtol=1e-4)
    one = fitted(files[0], top_k=2)
    assert [set(answer) for answer in one] == [{"label", "score"}] * 2
    assert one[0]["label"] == names[0] and one[0]["score"] > one[1]["score"]
    assert [answer[0]["label"] for answer in fitted(files)] == list(names)


def test_the_form_of_an_answer_is_that_of_the_question(fitted, photos, files, tmp_path):
    assert isinstance(fitted(str(files[0]))[0], dict)
    (tmp_path / "one").mkdir()
    shutil.copy(files[0], tmp_path / "one")
    for single in (files[:1], np.array([str(files[0])]), tmp_path / "one", iter(files[:1])):
        (row,) = fitted(single)
        assert isinstance(row[0], dict)


def test_a_backbone_is_found_from_every_folder(
    classifier, photos, files, clip_file, tmp_path, monkeypatch
):
    shutil.copy(clip_file, tmp_path / "clip.pt")
    monkeypatch.chdir(tmp_path)
    fitted = classifier().set_params(backbone="clip.pt").fit(photos)
    fitted.save_pretrained("saved")
    monkeypatch.chdir("/")
    again = FewShotClassifier.from_pretrained(tmp_path / "saved")
    assert (again.predict(files) == fitted.predict(files)).all()
    (tmp_path / "clip.pt").rename(tmp_path / "moved.pt")
    with pytest.raises(ValueError, match=r"--backbone, in Python backbone=, names it"):
        FewShotClassifier.from_pretrained(tmp_path / "saved")
    moved = FewShotClassifier.from_pretrained(tmp_path / "saved", str(tmp_path / "moved.pt"))
    moved.save_pretrained(tmp_path / "saved")
    again = FewShotClassifier.from_pretrained(tmp_path / "saved")
    assert (again.predict(files) == fitted.predict(files)).all()


def test_the_name_of_published_weights_is_kept(photos, tmp_path):
    """Others will not have them where they are here."""
    saved = FewShotClassifier("ZeroshotCLIP", "tiny", progress=False).fit(photos)
    saved.save_pretrained(tmp_path / "saved")
    moved = FewShotClassifier.from_pretrained(tmp_path / "saved", str(TINY_FILE))
    assert moved.trained_.description.backbone == "tiny"
    assert [is_of_files(name) for name in ("ViT-B/16", "hf:a/b", "open_clip:ViT-B-16/openai")] == (
        [False] * 3
    )
    assert all(map(is_of_files, ("/a/b.pt", "hf:/a", "open_clip:local-dir:/a", "open_clip:V//a")))


def test_it_is_the_plain_model_at_clips_temperature(fitted, files, clip_file):
    """The ten lines of the README, with what was learnt."""
    model = rpo.RPO(load_clip(str(clip_file)), TEXTS, k=4)
    model.prompt_learner.load_state_dict(fitted.trained_.tensors)
    images = torch.stack([fitted.trained_.description.preprocessing(read_image(f)) for f in files])
    with torch.no_grad():
        expected = model(images).double().softmax(dim=-1).numpy()
    np.testing.assert_allclose(fitted.predict_proba(files), expected, rtol=1e-5)


@pytest.mark.parametrize("method", known_traits())
def test_saved_and_loaded(classifier, photos, files, tmp_path, method):
    fitted = classifier(method).fit(photos)
    fitted.measure(photos)
    fitted.save_pretrained(tmp_path / "saved")
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {
        "model.safetensors", "config.json", "README.md",
    }  # fmt: skip
    loaded = FewShotClassifier.from_pretrained(tmp_path / "saved")
    assert np.array_equal(loaded.predict_proba(files), fitted.predict_proba(files))
    assert loaded.trained_.description.accuracy["percent"] == 100 * fitted.score(photos)
    loaded.save_pretrained(tmp_path / "again")
    for name in ("model.safetensors", "README.md", "config.json"):
        first, second = (tmp_path / folder / name for folder in ("saved", "again"))
        assert first.read_bytes() == second.read_bytes()
    if known_traits()[method].names_new_classes:
        new = loaded.with_classes(["kettle", "tea_pot", "cup", "pan"])
        assert new.predict_proba(files).shape == (12, 4)
        back = new.with_classes(list(fitted.classes_))
        assert np.array_equal(back.predict_proba(files), fitted.predict_proba(files))


def test_a_folder_of_the_user(fitted, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fitted.save_pretrained("~/saved")
    assert (tmp_path / "saved/config.json").is_file() and not (tmp_path / "~").exists()
    assert list(FewShotClassifier.from_pretrained("~/saved").classes_) == list(fitted.classes_)


def test_what_is_saved(fitted, tmp_path, clip_file):
    folder = tmp_path / "saved"
    fitted.save_pretrained(folder)
    content = json.loads((folder / "config.json").read_text())
    assert content["format"] == 1 and content["backbone_sha256"] == sha256(clip_file)
    assert content["settings"]["k"] == 4 and content["class_inputs"] == TEXTS
    numbers = sum(tensor.numel() for tensor in fitted.trained_.tensors.values())
    assert numbers == 4 * (64 + 64)
    assert (folder / "model.safetensors").stat().st_size < 4 * numbers + 500
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: rpo-clip\n") and "blue_car" in card


SERVING = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
from rpo import FewShotClassifier
classifier = FewShotClassifier.from_pretrained({folder!r})
print(classifier({image!r}, top_k=1)[0]["label"])
print(classifier.with_classes(["a", "b"]).get_params()["method"])
"""


def test_serving_needs_little(fitted, files, tmp_path):
    fitted.save_pretrained(tmp_path / "saved")
    blocked = {"dassl", "yacs", "sklearn", "pandas", "scipy", "yaml", "filelock", "tabulate"}
    script = SERVING.format(blocked=blocked, folder=str(tmp_path / "saved"), image=str(files[0]))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == [fitted(files[0])[0]["label"].split()[0], "RPO"], done.stderr


def test_precision_on_a_processor(classifier, photos, files, tmp_path):
    half = classifier(precision="fp16").fit(photos)
    full = classifier(precision="fp32").fit(photos)
    half.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["precision"] == "fp16"
    np.testing.assert_allclose(half.predict_proba(files), full.predict_proba(files), atol=0.2)
