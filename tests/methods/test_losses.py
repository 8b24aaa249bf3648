"""Losses that are more than a cross-entropy, against their equations: values and gradients."""

import pytest
import torch
from slow_clip import (
    NAMES,
    assert_equal,
    build,
    image_features,
    logits,
    text_feature,
    value_and_gradients,
)
from torch.nn.functional import cross_entropy, normalize


def texts_of(clip, template, context=None, deeper=()):
    texts = [template.format(name) for name in NAMES]
    return torch.stack([text_feature(clip, text, context, deeper) for text in texts])


def kgcoop(clip, learner, images, labels, weight=8.0):
    texts = texts_of(clip, "a photo of a {}.", learner.ctx)
    own = normalize(texts_of(clip, "a photo of a {}."), dim=-1)
    pairs = zip(normalize(texts, dim=-1), own, strict=True)
    distances = [1 - text @ reference for text, reference in pairs]
    values = logits(clip, image_features(clip, images), texts)
    return cross_entropy(values, labels) + weight * sum(distances) / len(NAMES)


CASES = {
    "KgCoOp": (kgcoop, "KgCoOp", (), {}),
    "KgCoOp of another weight": (kgcoop, "KgCoOp", ("KGCOOP.W", 2.0), {"weight": 2.0}),
}  # fmt: skip


@pytest.mark.parametrize("shape", ["small", "deep"])
@pytest.mark.parametrize("case", CASES)
def test_loss_equals_the_definition(random_clip, case, shape):
    definition, method, options, details = CASES[case]
    clip = random_clip(shape).requires_grad_(False)
    size = clip.visual.input_resolution
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(2))
    labels = torch.tensor([1, 0, 3])
    model = build(clip, method, options)
    learner = model.learner()
    parameters = list(learner.parameters())
    got = value_and_gradients(model.loss(images, labels)[0], parameters)
    expected = definition(clip, learner, images, labels, **details)
    assert_equal(got, value_and_gradients(expected, parameters))
