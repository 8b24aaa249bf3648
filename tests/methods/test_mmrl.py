"""Which logits of MMRL tell which classes."""

import pytest
import torch

from rpo.checkpoints import load_parameters
from rpo.methods.mmrl import MMRL

BASE, NEW = ["a cat", "a dog"], ["a fox", "an owl", "a dog"]
IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def build(random_clip):
    """A function from texts and settings to the method with the same parameters every time."""

    def make(texts, learnt=None, **settings):
        torch.manual_seed(1)
        model = MMRL(random_clip(), texts, rep_dim=16, rep_layers=(2,), **settings).eval()
        if learnt is not None:
            load_parameters(model.learner(), learnt, "a checkpoint")
        return model

    return make


@torch.no_grad()
def both(model):
    plain, own, _ = model.logits(model.images.lower(IMAGES))
    return plain, 0.7 * plain + 0.3 * own


@torch.no_grad()
def test_trained_classes_by_both_and_others_by_the_plain_ones(build):
    base = build(BASE)
    learnt = base.learner().state_dict()
    assert torch.equal(base(IMAGES), both(base)[1])
    for texts in (BASE[:1], BASE[::-1]):
        some = build(texts, learnt)
        assert torch.equal(some(IMAGES), both(some)[1])
    new = build(NEW, learnt)
    assert torch.equal(new(IMAGES), both(new)[0])
    assert new.prompt_learner.known.texts() == BASE


@torch.no_grad()
@pytest.mark.parametrize(("heads", "index"), [("plain", 0), ("both", 1)])
def test_or_as_asked(build, heads, index):
    for texts in (BASE, NEW):
        model = build(texts, build(BASE).learner().state_dict(), heads=heads)
        assert torch.equal(model(IMAGES), both(model)[index])


@pytest.mark.parametrize("layers", [(), (6, 8), (0, 1), (3, 2)])
def test_layers_that_cannot_work(random_clip, layers):
    with pytest.raises(ValueError, match="one or more like"):
        MMRL(random_clip(), BASE, rep_layers=layers)
