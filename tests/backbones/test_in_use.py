"""Trained, evaluated, saved and exported on backbones of other libraries."""

import json

import pytest
from PIL import Image

from rpo import FewShotClassifier
from rpo.cli import main

FAMILIES = ["open_clip siglip", "hf clip"]
FEW_STEPS = ["OPTIM.MAX_EPOCH", "1", "DATASET.NUM_SHOTS", "2", "DATALOADER.NUM_WORKERS", "0"]


@pytest.fixture
def folder(tmp_path, draw_image):
    """Images of two classes."""
    for seed in range(8):
        draw_image(tmp_path / "images" / ["cat", "dog"][seed % 2] / f"{seed}.png", seed)
    return tmp_path / "images"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_follows_the_backbones_images(family, backbone_name, folder, tmp_path, capsys):
    output, name = tmp_path / "run", backbone_name(family)
    arguments = ["train", "--trainer", "RPO", "--backbone", name, "--config-file", "RPO/main_K24"]
    arguments += ["--dataset-config-file", "imagefolder", "--seed", "1"]
    arguments += ["--output-dir", str(output), "DATASET.FOLDER", str(folder)]
    assert main([*arguments, *FEW_STEPS, "TRAINER.RPO.K", "2"]) == 0
    record = json.loads((output / "results.json").read_text())
    assert record["backbone"] == name
    images = record["config"]["INPUT"]
    assert images["SIZE"] == [32, 32]
    assert images["RESIZE"] == ("squash" if "siglip" in family else "shortest")
    assert main([*arguments, "--overwrite", *FEW_STEPS, "INPUT.SIZE", "(224, 224)"]) == 2
    assert "sees images of (32, 32): add INPUT.SIZE '(32, 32)'" in capsys.readouterr().err


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_on_it_is_saved_and_loaded(family, backbone_name, folder, tmp_path):
    classifier = FewShotClassifier(
        backbone=backbone_name(family), shots=2, progress=False, options={"OPTIM.MAX_EPOCH": 1}
    ).fit(folder)
    image = Image.open(next(folder.rglob("*.png")))
    expected = classifier.predict_proba([image])
    classifier.save_pretrained(tmp_path / "saved")
    loaded = FewShotClassifier.from_pretrained(tmp_path / "saved")
    assert (loaded.predict_proba([image]) == expected).all()
    assert list(loaded.with_classes(["dog", "zebra"]).classes_) == ["dog", "zebra"]
    stored = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert stored["backbone"] == backbone_name(family) and len(stored["backbone_sha256"]) == 64


@pytest.mark.parametrize("family", FAMILIES)
def test_methods_on_features(family, backbone_name, folder, tmp_path, capsys):
    """The feature itself is kept, as the layer in front of it is not known."""

    def train(method):
        arguments = ["train", "--trainer", method, "--backbone", backbone_name(family)]
        arguments += ["--config-file", f"{method}/tiny", "--dataset-config-file", "imagefolder"]
        arguments += ["--output-dir", str(tmp_path / method), "--seed", "1"]
        return main([*arguments, "DATASET.FOLDER", str(folder), *FEW_STEPS])

    assert train("TipAdapterF") == 0 and train("ProLIP") == 2
    assert "ProLIP learns the last layer of the image encoder" in capsys.readouterr().err
