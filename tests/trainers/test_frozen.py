"""The methods that train nothing of CLIP: zero-shot, its ensemble, and the classical probe."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import normalize

from rpo.clip.texts import tokenize_all
from rpo.methods.logistic_probe import logistic_regression, search
from rpo.methods.zero_shot import IMAGENET_TEMPLATES


@pytest.mark.parametrize("dataset", ["EuroSAT", "ImageNet"])
def test_the_ensemble_is_the_mean_of_unit_features(make_trainer, dataset):
    own = "a centered satellite photo of {}."
    trainer = make_trainer("ZeroshotCLIP2", dataset, options=("DATASET.TEMPLATE", own))
    names = [name.replace("_", " ") for name in trainer.dm.dataset.classnames]
    templates = list(IMAGENET_TEMPLATES) + ([own] if dataset == "EuroSAT" else [])
    assert len(IMAGENET_TEMPLATES) == 7
    total = 0
    for template in templates:
        ids = tokenize_all([template.format(name) for name in names], 77)
        with torch.no_grad():
            total = total + normalize(trainer.model.clip.encode_text(ids), dim=-1)
    torch.testing.assert_close(trainer.model.text_features(), normalize(total, dim=-1))


def test_the_probe_is_logistic_regression_on_image_features(make_trainer):
    trainer = make_trainer("LogisticProbe", options=("TRAINER.LOGISTICPROBE.C", 0.5), images=8)
    trainer.train()
    features, labels = trainer.encode(trainer.dm.dataset.train_x)
    assert features.shape == (8, 32)
    model = LogisticRegression(C=0.5, max_iter=1000).fit(features, labels)
    images = torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        logits = trainer.model_inference(images)
        expected = model.decision_function(trainer.model.clip.encode_image(images).numpy())
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_probabilities_of_any_number_of_classes(classes):
    random = np.random.default_rng(0)
    features, labels = random.normal(size=(12, 4)), np.arange(12) % classes
    weight, bias = logistic_regression(features, labels, 1.0)
    scores = np.exp(features @ weight.T + bias)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    if classes == 1:
        assert (probabilities == 1).all()
    else:
        model = LogisticRegression(max_iter=1000).fit(features, labels)
        np.testing.assert_allclose(probabilities, model.predict_proba(features), atol=1e-6)


@pytest.mark.parametrize("best", [-6, -1.375, 0.25, 5.5])
def test_the_search_finds_the_best_eighth_of_a_decade(best):
    tried = []
    assert search(lambda power: tried.append(power) or -abs(power - best)) == best
    assert len(tried) <= 16


def test_the_regularisation_is_chosen_on_validation_images(make_trainer, monkeypatch):
    trainer = make_trainer("LogisticProbe", images=8)
    seen = []
    encode = trainer.encode
    monkeypatch.setattr(trainer, "encode", lambda items: seen.append(items) or encode(items))
    trainer.train()
    dataset = trainer.dm.dataset
    assert [len(items) for items in seen] == [len(dataset.train_x), len(dataset.val)]
    assert {item.impath for item in seen[1]}.isdisjoint(item.impath for item in dataset.test)


def test_without_validation_images_it_asks_for_a_value(make_trainer):
    trainer = make_trainer("LogisticProbe", "ImageNet")
    with pytest.raises(ValueError, match="no validation images of its own.*LOGISTICPROBE.C 0.3"):
        trainer.train()


def test_a_probe_is_saved_and_knows_its_classes(make_trainer, tmp_path):
    base = ("DATASET.SUBSAMPLE_CLASSES", "base")
    trained = make_trainer("LogisticProbe", options=base, images=8)
    trained.train()
    loaded = make_trainer("LogisticProbe", options=base, images=8)
    loaded.load_model(str(tmp_path / "output"))
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(loaded.model_inference(images), trained.model_inference(images))
    new = make_trainer("LogisticProbe", options=("DATASET.SUBSAMPLE_CLASSES", "new"), images=8)
    with pytest.raises(ValueError, match="cannot name classes that it has seen no images of"):
        new.load_model(str(tmp_path / "output"))
