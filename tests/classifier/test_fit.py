"""`fit` is `rpo train`: the same images, seed and configuration give the same parameters."""

import os
import pickle
import random
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from PIL import Image

from rpo.cli import main
from rpo.inference.predictor import fit_temperature
from rpo.methods.traits import known_traits

LEARNING = [name for name, traits in known_traits().items() if traits.learns]


def prompts(classifier):
    return classifier.trained_.tensors


def same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", LEARNING)
def test_what_rpo_train_learns(classifier, photos, tmp_path, method, clip_file):
    learnt = prompts(classifier(method).fit(photos))
    config = "tiny_K4" if method == "RPO" else "tiny"
    options = f"""DATASET.FOLDER {photos} DATASET.HOLD_OUT False DATASET.NUM_SHOTS 2
        INPUT.SIZE (32,32) OPTIM.MAX_EPOCH 2 OPTIM.WARMUP_EPOCH 1 TEST.NO_TEST True"""
    if method == "RPO":
        options += " TRAINER.RPO.K 4"
    if method == "LogisticProbe":
        options += " TRAINER.LOGISTICPROBE.C 0.316"
    else:
        options += f" TRAINER.{method.upper()}.PREC fp32"
    run = tmp_path / "run"
    arguments = f"""train --trainer {method} --config-file {method}/{config} --seed 1
        --dataset-config-file imagefolder --backbone {clip_file} --output-dir {run} {options}"""
    assert main(arguments.split()) == 0
    (path,) = run.glob("*/model.pth.tar-*")
    assert same(learnt, torch.load(path, weights_only=True)["state_dict"])


def test_every_form_of_the_same_images(classifier, photos, files, tmp_path):
    labels = [file.parent.name for file in files]
    table = pd.DataFrame({"path": [str(file) for file in files], "label": labels})
    table.to_csv(tmp_path / "list.csv", index=False)
    expected = prompts(classifier().fit(photos))
    images = [Image.open(file) for file in files]
    for given in (
        (str(photos),), (tmp_path / "list.csv",), ((files, labels),), (files, labels), (table,),
        (images, labels), (np.array([str(file) for file in files]), np.array(labels)),
    ):  # fmt: skip
        assert same(prompts(classifier().fit(*given)), expected)


def test_a_table_may_tell_the_parts(classifier, photos, files, tmp_path):
    """As in a CSV: test rows are not trained on, and are the ones that are scored."""
    table = pd.DataFrame({"path": [str(file) for file in files]})
    table["label"] = [file.parent.name for file in files]
    table["split"] = ["train", "train", "train", "test"] * 3
    table.to_csv(tmp_path / "parts.csv", index=False)
    fits = [classifier(shots=0).fit(images) for images in (table, str(tmp_path / "parts.csv"))]
    for one in fits:
        assert one.trained_.description.trained_on["images_per_class"] == [3, 3]
    assert fits[0].score(table) == fits[1].score(str(tmp_path / "parts.csv"))
    assert fits[0].score(table) == fits[0].score(files[3::4], list(table["label"][3::4]))
    fits[0].measure(table)
    assert fits[0].trained_.description.accuracy["images"] == 3


def test_validation_images_are_measured_on_where_there_are_no_others(classifier, photos, files):
    table = pd.DataFrame({"path": [str(file) for file in files]})
    table["label"] = [file.parent.name for file in files]
    table["split"] = ["Training", "train", "train", "Validation"] * 3
    fitted = classifier(shots=0).fit(table)
    assert fitted.trained_.description.trained_on["images_per_class"] == [3, 3]
    fitted.measure(table)
    assert fitted.trained_.description.accuracy["images"] == 3


def test_measured_on_what_it_has_learnt_from(classifier, photos, files, tmp_path, capsys):
    fitted = classifier(shots=2).fit(photos).set_params(progress=True)
    learnt = len(fitted._learnt_from)
    fitted.measure(photos)
    assert learnt == 6
    assert "6 of these 12 images were trained on, so that the accuracy says little" in (
        capsys.readouterr().err
    )
    fitted.save_pretrained(tmp_path / "saved")
    card = (tmp_path / "saved" / "README.md").read_text()
    assert f"on {photos}, 6 images of which were trained on\n" in card
    same = fitted.with_classes(fitted.classes_[::-1].tolist()).set_params(progress=False)
    same.measure(photos)
    assert same.trained_.description.accuracy["learnt_from"] == 6
    assert str(photos).encode() not in pickle.dumps(classifier(shots=2).fit(photos))
    others = [file for file in files if os.path.realpath(file) not in fitted._learnt_from]
    fitted.measure(others, [file.parent.name for file in others])
    assert "learnt_from" not in fitted.trained_.description.accuracy
    assert classifier("ZeroshotCLIP").fit(photos)._learnt_from == set()


def test_what_the_dataset_warns_of_is_said(classifier, photos, draw_image, capsys):
    for name in ("train", "test"):
        shutil.copytree(photos, photos.parent / "parts" / name)
    draw_image(photos.parent / "parts" / "unlabelled" / "0.png")
    classifier(progress=True).fit(photos.parent / "parts")
    assert "parts: unlabelled is not read, as there are" in capsys.readouterr().err


def test_numbers_of_numpy_are_numbers(classifier, photos, clip_file):
    options = {"OPTIM.LR": np.float64(0.01)}
    fitted = classifier(shots=np.int64(2), options=options).set_params(backbone=Path(clip_file))
    assert list(fitted.fit(photos).trained_.description.trained_on["images_per_class"]) == [2, 2]


def test_a_fit_leaves_nothing_behind(classifier, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("RPO_CACHE", str(tmp_path / "cache"))
    before = sorted(photos.rglob("*"))
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    classifier().fit(photos)
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert states == after and sorted(photos.rglob("*")) == before
    assert os.environ["RPO_CACHE"] == str(tmp_path / "cache") and not (tmp_path / "cache").exists()


def test_silent_or_with_a_bar(classifier, photos, capfd):
    classifier().fit(photos)
    assert capfd.readouterr() == ("", "")
    classifier(progress=True).fit(photos)
    assert "Training RPO: 100%" in capfd.readouterr().err


def test_interrupted_it_is_what_it_was(classifier, photos, files, monkeypatch):
    fresh, fitted = classifier(), classifier().fit(photos)
    before = fitted.predict_proba(files)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rpo.trainers.rpo.RPO.forward_backward", interrupt)
    for each in (fresh, fitted):
        with pytest.raises(KeyboardInterrupt):
            each.fit(photos)
    assert np.array_equal(fitted.predict_proba(files), before)
    monkeypatch.undo()
    assert len(fresh.fit(photos).predict(files)) == len(files)


def test_calibration_on_what_the_shots_leave(classifier, photos, files):
    plain, calibrated = classifier().fit(photos), classifier().fit(photos, calibrate=True)
    assert same(prompts(plain), prompts(calibrated))
    assert calibrated.calibration_["images"] == len(files) - 3 * 2
    temperature = calibrated.trained_.description.temperature
    logits = np.log(plain.predict_proba(files)) / temperature
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated.predict_proba(files), expected, rtol=1e-6)
    opened = [Image.open(file) for file in files]
    again = classifier().fit(opened, [file.parent.name for file in files], calibrate=True)
    assert again.calibration_["images"] == calibrated.calibration_["images"]


def test_what_cannot_be_calibrated_on_is_said_before_the_training(
    classifier, photos, files, monkeypatch
):
    monkeypatch.setattr(TRAINER_REGISTRY.get("RPO"), "train", lambda self: pytest.fail("trained"))
    with pytest.raises(ValueError, match="no training image is left over"):
        classifier(shots=0).fit(photos, calibrate=True)
    for file in files:
        file.write_text("no image")
    with pytest.raises(ValueError, match="cannot be read as an image"):
        classifier().fit(photos, calibrate=True)


def test_the_temperature_is_the_best_of_a_grid():
    generator = torch.Generator().manual_seed(0)
    logits = 20 * torch.randn(200, 5, generator=generator)
    labels = (logits / 8).softmax(-1).multinomial(1, generator=generator)[:, 0]
    loss = torch.nn.functional.cross_entropy
    grid = torch.logspace(-1, 2, 2000, dtype=torch.double)
    best = min(grid.tolist(), key=lambda value: loss(logits.double() / value, labels).item())
    assert fit_temperature(logits, labels) == pytest.approx(best, rel=0.01)
    assert 0.01 <= fit_temperature(torch.eye(3) * 9, torch.arange(3)) < 1


@pytest.mark.parametrize("method", [name for name in known_traits() if name not in LEARNING])
def test_methods_that_learn_nothing_serve_too(classifier, photos, files, method):
    found = classifier(method).fit(photos)
    assert found.predict_proba(files).shape == (len(files), 3) and not prompts(found)


def test_fits_in_threads_are_those_of_one_after_the_other(classifier, photos):
    def fit(seed):
        return prompts(classifier(seed=seed).fit(photos))

    expected, output = [fit(seed) for seed in (1, 2)], sys.stdout
    with ThreadPoolExecutor(2) as threads:
        assert all(map(same, threads.map(fit, (1, 2)), expected))
    assert sys.stdout is output
