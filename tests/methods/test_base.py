"""What is computed once is computed once, and anew when it must be."""

import pickle

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import rpo
from rpo.clip import openai
from rpo.methods import base
from rpo.methods.base import Remembered
from rpo.methods.context import initial_context
from rpo.methods.coop import CoOp
from rpo.methods.traits import known_traits

METHODS = {name: getattr(rpo, name) for name in known_traits()}


@pytest.fixture
def classifier(random_clip):
    return CoOp(random_clip(), ["cat", "dog"], ctx_init="a photo")


def test_text_features_are_computed_once_per_state_of_the_prompts(classifier, monkeypatch):
    calls = []
    encode = classifier.texts.forward
    monkeypatch.setattr(classifier.texts, "forward", lambda p: calls.append(1) or encode(p))
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        first = classifier(images)
        assert torch.equal(classifier(images), first) and len(calls) == 1
    classifier.prompt_learner.ctx.data.mul_(1.5)
    with torch.no_grad():
        assert not torch.equal(classifier(images), first) and len(calls) == 2
    classifier(images).sum().backward()
    assert len(calls) == 3 and classifier.prompt_learner.ctx.grad is not None


def test_the_image_encoder_leaves_no_graph(classifier):
    assert not classifier.image_features(torch.randn(2, 3, 32, 32)).requires_grad


def test_what_does_not_learn_is_remembered_in_training(monkeypatch):
    remembered, source, calls = Remembered(), torch.ones(2), []
    for _ in range(2):
        result = remembered.get(lambda: calls.append(1) or source * 2, [source])
    assert len(calls) == 1
    (nn.Parameter(torch.ones(2)) * result).sum().backward()


def test_a_context_of_words_and_a_random_one(random_clip):
    clip = random_clip()
    words = initial_context(clip, "a photo of a", 4)
    torch.testing.assert_close(words[0], words[3])
    assert words.dtype == torch.float32 and not words.requires_grad
    assert initial_context(clip, "a photo", 2, classes=3).shape == (3, 2, 64)
    assert abs(initial_context(clip, "", 500).std() - 0.02) < 0.001
    with pytest.raises(ValueError, match='"a photo" has 2 tokens, which cannot start 4'):
        initial_context(clip, "a photo", 4)


@pytest.mark.parametrize("name", known_traits())
def test_images_of_another_size_are_refused(random_clip, name):
    kind = getattr(rpo, name)
    names = ["a cat", "a dog"]
    model = kind(random_clip(), [names, names] if kind.takes == "both" else names)
    with pytest.raises(ValueError, match="of 224 x 224 pixels, and this CLIP takes 32 x 32"):
        model(torch.randn(2, 3, 224, 224))


@pytest.mark.parametrize("name", METHODS)
def test_another_precision_is_refused_before_anything_is_converted(name, random_clip):
    model = METHODS[name](random_clip(), ["a cat", "a dog"])
    for convert in (model.half, model.double, lambda: model.to(torch.bfloat16)):
        with pytest.raises(TypeError, match='rpo.load_clip.name, precision="bf16"'):
            convert()
    assert {each.dtype for each in model.learner().parameters()} <= {torch.float32}
    assert model.to("cpu").float() is model


@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].texts_per_image])
def test_once_fixed_nothing_but_the_images_decides_what_is_computed(random_clip, name):
    """So that it can be traced, as for ONNX: fake tensors have no values to decide by."""
    model = METHODS[name](random_clip(), ["a cat", "a dog"]).requires_grad_(False).eval()
    with torch.no_grad():
        logits = model(images := torch.randn(2, 3, 32, 32))
        model.fix()
        assert torch.equal(model(images), logits)
        with FakeTensorMode(allow_non_fake_inputs=True) as fake:
            assert model(fake.from_tensor(images)).shape == logits.shape


@pytest.mark.parametrize("classes", [[], "cat", ()])
@pytest.mark.parametrize("name", known_traits())
def test_classes_are_a_list(random_clip, name, classes):
    with pytest.raises(ValueError, match="classes are a list, as .* and this is "):
        getattr(rpo, name)(random_clip(), classes)


@pytest.mark.parametrize("name", known_traits())
def test_classes_may_be_generated(random_clip, name):
    names, clip = ["a cat", "a dog"], random_clip()
    for classes in (names, (each for each in names)):
        torch.manual_seed(1)
        model = getattr(rpo, name)(clip, classes)
        with torch.no_grad():
            assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


@pytest.mark.parametrize("name", METHODS)
def test_clip_is_never_in_training(name, random_clip):
    model = METHODS[name](random_clip(), ["a cat", "a dog"]).train()
    assert model.training and model.learner().training
    assert not any(module.training for module in model.clip.modules())


def test_a_residual_networks_statistics_stay_as_they_are():
    """Batch normalisation in training would take up the batch, for good."""
    clip = openai.model().CLIP(32, 32, (1, 1, 1, 1), 2, None, 77, 49408, 32, 1, 2).eval()
    model, images = METHODS["CoOp"](clip, ["a cat", "a dog"]), torch.randn(2, 3, 32, 32)
    before = model.eval()(images)
    assert torch.equal(model.train()(images), before)
    assert torch.equal(model.eval()(images), before)


def test_a_thread_that_asks_while_another_writes_gets_its_own(monkeypatch):
    remembered, answers = Remembered(), []

    def ask(value):
        return remembered.get(lambda: torch.tensor(value), [torch.tensor(value)])

    def interrupted(device):
        if not answers:
            answers.append(None)
            answers.append(ask(2.0))  # in the middle of writing what is remembered for 1

    monkeypatch.setattr(base, "autocast_dtype", interrupted)
    assert ask(1.0) == 1 and answers[1] == 2 and ask(1.0) == 1


@pytest.mark.parametrize("name", METHODS)
def test_a_pickled_model_computes_the_same(name, random_clip):
    model = METHODS[name](random_clip(), ["a cat", "a dog"]).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(pickle.loads(pickle.dumps(model))(images), model(images))


@pytest.mark.parametrize("name", METHODS)
def test_weights_of_another_clip_are_seen(name, random_clip):
    """Also those of the text encoder, whose features were computed once."""
    first, second = (
        METHODS[name](random_clip("small", seed=seed), ["a cat", "a dog"]).eval() for seed in (1, 2)
    )
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        if name != "LogisticProbe":  # which starts from zeros
            assert not torch.equal(first(images), second(images))
        outer = nn.ModuleDict({"method": first})
        outer.load_state_dict({f"method.{key}": each for key, each in second.state_dict().items()})
        fresh = METHODS[name](first.clip, ["a cat", "a dog"]).eval()
        fresh.load_state_dict(second.state_dict())
        assert torch.equal(first(images), fresh(images))


def test_settings_are_given_once(random_clip):
    with pytest.raises(TypeError, match='no setting of CoOp "CSC". Did you mean "csc"'):
        CoOp(random_clip(), ["cat", "dog"], CSC=True)
    with pytest.raises(TypeError, match="settings, or n_ctx, csc by name, and not both"):
        CoOp(random_clip(), ["cat"], CoOp.Settings(n_ctx=4), n_ctx=2, csc=True)
