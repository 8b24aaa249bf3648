"""2SFS: which classes are told by the classifier, and which by their text."""

import pytest
import torch
from torch.nn.functional import normalize

from rpo.checkpoints import load_parameters
from rpo.methods.two_stage import TwoStage

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
BASE = ["a cat", "a dog", "a fox"]


@pytest.fixture
def trained(random_clip):
    """In its second stage, with all of it moved off its start."""
    model = TwoStage(random_clip(), BASE)
    for parameter in model.learner().parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    model.begin_step(6, 10)
    model.learner().classifier.data += 0.1 * torch.randn(3, 32)
    return model.eval()


@torch.no_grad()
def test_the_classifier_starts_as_the_text_features(random_clip):
    model = TwoStage(random_clip(), BASE)
    for parameter in model.learner().parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    before = model(IMAGES)
    model.begin_step(5, 10)
    assert not model.classifies
    model.begin_step(6, 10)
    torch.testing.assert_close(model(IMAGES), before)
    assert model.classifies and model.learner().classifier.any()


@torch.no_grad()
def test_known_classes_by_their_rows_and_new_ones_by_their_texts(random_clip, trained):
    other = TwoStage(random_clip(), ["an owl", "a fox", "a cat"]).eval()
    load_parameters(other.learner(), trained.learner().state_dict(), "a checkpoint")
    rows, texts = trained.learner().classifier, normalize(other.texts([]), dim=-1)
    told = torch.stack([texts[0], rows[2], rows[0]])
    torch.testing.assert_close(other.classes(), told)
    assert other(IMAGES).shape == (3, 3) and other.learner().classifier.shape == (3, 32)


def test_the_second_stage_leaves_the_encoders(trained):
    trained.loss(IMAGES, torch.tensor([0, 1, 2]))[0].backward()
    moved = {name for name, each in trained.learner().named_parameters() if each.grad is not None}
    assert moved == {"classifier"}


@torch.no_grad()
def test_of_equal_names_each_has_its_row_in_the_training(random_clip):
    model = TwoStage(random_clip(), ["a missile", "a cat", "a missile"])
    model.begin_step(0, 0)
    model.learner().classifier.data = torch.randn(3, 32)
    assert torch.equal(model.classes(), model.learner().classifier)
