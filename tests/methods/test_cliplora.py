"""CLIP-LoRA in training: dropout of its own for every matrix, and CLIP left as it was."""

import copy

import pytest
import torch

from rpo.methods.cliplora import CLIPLoRA


@pytest.fixture
def build(random_clip):
    """A function from settings to the method, off its start."""

    def make(**settings):
        model = CLIPLoRA(random_clip(), ["a cat", "a dog"], **settings)
        for parameter in model.learner().parameters():
            parameter.data += 0.02 * torch.randn_like(parameter)
        return model

    return make


IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_dropout_is_there_in_training_alone(build):
    model = build()
    assert not torch.equal(model(IMAGES), model(IMAGES))
    model.eval()
    assert torch.equal(model(IMAGES), model(IMAGES))


def test_without_dropout_training_computes_the_same(build):
    model = build(dropout_rate=0.0)
    torch.testing.assert_close(model(IMAGES), model.eval()(IMAGES))


def test_queries_and_values_lose_different_inputs(build):
    update = build(r=1, dropout_rate=0.5).layers["layer_0"]
    for each in update.values():
        each.w_lora_A.data.fill_(1)
        each.w_lora_B.data.fill_(1)
    inputs = torch.rand(1, 64)
    first, second = (update[name](inputs) for name in ("q_proj", "v_proj"))
    assert not torch.equal(first, second)


def test_a_copy_learns_for_itself(build):
    model = build(dropout_rate=0.0)
    before = model(IMAGES)
    twin = copy.deepcopy(model)
    for parameter in twin.learner().parameters():
        parameter.data.zero_()
    assert torch.equal(model(IMAGES), before) and not torch.equal(twin(IMAGES), before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"params": "q x"}, 'params is "q x"; it can be some of q k v o'),
        ({"params": ""}, 'params is ""'),
        ({"dropout_rate": 1.0}, "dropout_rate is 1.0; it must be below 1"),
        ({"position": "top"}, 'position is "top"; it can be all, bottom'),
    ],
)
def test_settings_that_cannot_work(build, settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)
