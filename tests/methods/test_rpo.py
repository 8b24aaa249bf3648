"""The cached form, the masked form and the padded oracle on 77 tokens give the same numbers."""

import copy
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.torch_version import TorchVersion

from rpo import memory
from rpo.clip import openai
from rpo.clip.precision import PRECISIONS, autocast, set_precision
from rpo.clip.texts import tokenize_all
from rpo.methods import rpo as definition
from rpo.methods.compilation import OLDEST, compile_form
from rpo.methods.rpo import RPO, CachedForm, MaskedForm
from rpo.methods.rpo_stacked import StackedRPO

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from padded import PaddedModel

FORMS = ("cached", "masked")
MODALITIES = ("both", "text", "visual")
TEXTS = ["a photo of a cat.", "a photo of a very long dog with a hat.", "an owl."]
REAL_SHAPES = ("ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px")


def build(clip, count=3, texts=TEXTS, **options):
    torch.manual_seed(1)
    return RPO(clip, texts, k=count, **options)


def images_for(clip, batch=2):
    generator = torch.Generator().manual_seed(2)
    size = clip.visual.input_resolution
    return torch.randn(batch, 3, size, size, generator=generator)


def loss_and_gradients(model, images):
    """Logits and the gradients of the prompts."""
    logits = model(images)
    labels = torch.arange(len(images)) % logits.shape[1]
    cross_entropy(logits, labels).backward()
    return (
        logits.detach(),
        model.prompt_learner.text_prompt.grad,
        model.prompt_learner.img_prompt.grad,
    )


def relative_error(value, reference):
    return ((value - reference).norm() / reference.norm()).item()


def assert_same(values, references, tolerance=1e-5):
    for value, reference in zip(values, references, strict=True):
        assert reference.norm() > 0
        assert relative_error(value, reference) < tolerance


@pytest.mark.parametrize("shape", ["small", "deep"])
@pytest.mark.parametrize("form", FORMS)
def test_both_forms_equal_the_oracle(random_clip, shape, form):
    model = build(random_clip(shape), form=form)
    images = images_for(model.clip)
    got = loss_and_gradients(model, images)
    oracle = PaddedModel(model.clip, TEXTS, build(model.clip).prompt_learner)
    assert_same(got, loss_and_gradients(oracle, images))


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("count", [1, 5])
def test_fast_form_equals_masked_form(random_clip, modality, count):
    clip = random_clip()
    images = images_for(clip)
    results = []
    for form in FORMS:
        model = build(clip, count, modality=modality, form=form)
        logits, *gradients = loss_and_gradients(model, images)
        results.append([logits, *(gradient for gradient in gradients if gradient is not None)])
    assert_same(*results)
    assert len(results[0]) == {"both": 3}.get(modality, 2)


@pytest.mark.parametrize("shape", REAL_SHAPES)
def test_every_vision_transformer_of_openai(random_clip, shape):
    clip = random_clip(shape)
    images = images_for(clip)
    fast, masked = (build(clip, form=form) for form in FORMS)
    assert_same(loss_and_gradients(fast, images), loss_and_gradients(masked, images))


@pytest.mark.parametrize("precision", ["bf16", "fp16", "amp"])
def test_precisions_stay_near_float32(random_clip, precision):
    clip = random_clip()
    images = images_for(clip)
    reference = loss_and_gradients(build(clip), images)
    low = copy.deepcopy(clip)
    openai.model().convert_weights(low)
    set_precision(low, precision)
    model = build(low)
    assert model.prompt_learner.text_prompt.dtype == torch.float32
    with autocast(precision, torch.device("cpu")):
        got = loss_and_gradients(model, images)
    assert got[0].dtype == torch.float32
    assert relative_error(got[0], reference[0]) < 0.02
    assert_same(got, reference, tolerance=0.2)


def test_clip_sees_no_prompt(random_clip):
    """In the fast form CLIP's tokens are bit-identical, whatever the prompts are."""
    clip = random_clip()
    images = images_for(clip)
    before = clip.encode_image(images), clip.encode_text(tokenize_all(TEXTS, 77))
    model = build(clip)
    layers = [layer.keys.clone() for layer in model.form.text_layers(model.text_tower, model.ids)]
    optimiser = torch.optim.SGD(model.prompt_learner.parameters(), lr=10.0)
    for _ in range(2):
        loss_and_gradients(model, images)
        optimiser.step()
    after = clip.encode_image(images), clip.encode_text(tokenize_all(TEXTS, 77))
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert all(
        torch.equal(kept, layer.keys)
        for kept, layer in zip(
            layers, model.form.text_layers(model.text_tower, model.ids), strict=True
        )
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("side", ["image", "text"])
def test_no_prompt_influences_another(random_clip, form, side):
    model = build(random_clip(), form=form)
    images = images_for(model.clip)
    features = {
        "image": (lambda: model.image_features(images), model.prompt_learner.img_prompt),
        "text": (model.text_features, model.prompt_learner.text_prompt),
    }
    compute, prompts = features[side]
    with torch.no_grad():
        before = compute()
        prompts[1] = torch.randn(prompts.shape[1])
        after = compute()
    torch.testing.assert_close(after[:, [0, 2]], before[:, [0, 2]], rtol=0, atol=1e-6)
    assert not torch.allclose(after[:, 1], before[:, 1], atol=1e-3)


def test_without_the_read_only_mask_prompts_do_change_things(random_clip):
    clip = random_clip()
    images = images_for(clip)
    masked = build(clip, form="masked")(images)
    assert not torch.allclose(build(clip, read_only=False)(images), masked, atol=1e-3)


def test_text_features_are_computed_once_per_state_of_the_prompts(random_clip):
    model = build(random_clip())
    with torch.no_grad():
        first = model.text_features()
        assert model.text_features() is first
        model.prompt_learner.text_prompt.data.mul_(torch.rand(1, 64))
        with torch.enable_grad():
            anew = model.text_features()
        torch.testing.assert_close(model.text_features(), anew)
        assert not torch.equal(model.text_features(), first)


def test_evaluating_first_does_not_spoil_training(random_clip):
    model = build(random_clip())
    images = images_for(model.clip)
    with torch.inference_mode():
        model(images)
    assert_same(
        loss_and_gradients(model, images),
        loss_and_gradients(build(model.clip), images),
    )


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_blocks_of_classes_change_nothing(random_clip, chunk):
    model = build(random_clip(), text_chunk=chunk)
    images = images_for(model.clip)
    whole = build(model.clip)
    assert_same(loss_and_gradients(model, images), loss_and_gradients(whole, images))


@pytest.mark.skipif(torch.__version__ < OLDEST, reason="this PyTorch cannot compile blocks")
@pytest.mark.parametrize("chunk", [0, 2])
def test_compiled_passes_change_nothing(random_clip, chunk):
    """Traced for autograd, but run by PyTorch itself: no C++ compiler is needed."""
    compiled, plain = (build(random_clip(), text_chunk=chunk) for _ in range(2))
    compile_form(compiled.form, "default", backend="aot_eager")
    torch._dynamo.utils.counters.clear()
    for batch in (2, 3):
        images = images_for(plain.clip, batch)
        assert_same(loss_and_gradients(compiled, images), loss_and_gradients(plain, images))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_an_older_pytorch_does_not_compile(random_clip, monkeypatch):
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.7.1+cu118"))
    with pytest.raises(ValueError, match="needs PyTorch 2.8 or later, and this is 2.7.1"):
        build(random_clip(), compile="default")


def test_blocks_follow_the_memory(random_clip, monkeypatch):
    """With a budget of two classes' worth, three texts are read in two blocks."""
    model = build(random_clip())
    blocks = []
    read = model.form.read_block
    monkeypatch.setattr(
        model.form, "read_block", lambda *args: blocks.append(args[-1]) or read(*args)
    )
    monkeypatch.setattr(memory, "CPU_BUDGET", 2.5 * 3 * 2 * 64 * memory.KEPT_PER_PROMPT * 4)
    with torch.no_grad():
        model.text_features()
    assert [(block.start, block.stop) for block in blocks] == [(0, 2), (2, 4)]


@pytest.mark.parametrize("modality", MODALITIES)
def test_runs_side_by_side_have_the_logits_they_have_alone(random_clip, modality):
    clip = random_clip()
    images = images_for(clip)
    alone = [build(clip, modality=modality) for _ in range(3)]
    for seed, model in enumerate(alone):
        torch.manual_seed(seed)
        for prompt in model.prompt_learner.parameters():
            prompt.data = torch.randn_like(prompt)
    learners = [model.prompt_learner for model in alone]
    with torch.no_grad():
        together = StackedRPO(clip, TEXTS, learners, modality)(images)
        for logits, model in zip(together, alone, strict=True):
            torch.testing.assert_close(logits, model(images), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_runs_of_different_k_cannot_stand_side_by_side(random_clip):
    clip = random_clip()
    learners = [build(clip, count).prompt_learner for count in (2, 3)]
    with pytest.raises(ValueError, match=r"different numbers of prompts, \[2, 3\]"):
        StackedRPO(clip, TEXTS, learners)


def test_only_prompts_learn(random_clip):
    model = build(random_clip())
    learnt = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert learnt == ["prompt_learner.text_prompt", "prompt_learner.img_prompt"]


def test_as_many_prompts_as_one_likes(random_clip):
    """Prompts use up no positions: more of them than the context is long."""
    model = build(random_clip(), count=80)
    assert model(images_for(model.clip)).isfinite().all()


def test_too_long_a_text_is_named(random_clip):
    with pytest.raises(ValueError, match="zebra zebra.*context of 77 tokens"):
        build(random_clip(), texts=["a cat.", "zebra " * 80])


def test_visual_prompts_alone_need_the_texts_once(random_clip, monkeypatch):
    model = build(random_clip(), modality="visual")
    calls, encode = [], definition.own_text_features
    monkeypatch.setattr(definition, "own_text_features", lambda *a: calls.append(1) or encode(*a))
    for _ in range(3):
        loss_and_gradients_of_images(model)
    assert len(calls) == 1


def loss_and_gradients_of_images(model):
    images = images_for(model.clip)
    cross_entropy(model(images), torch.arange(len(images))).backward()


def all_open(*args):
    """A mask with which everything sees everything."""
    return torch.ones_like(TRUE_MASK(*args))


TRUE_MASK = definition.attention_mask


def test_another_mask_stops_the_cached_form(random_clip, monkeypatch):
    monkeypatch.setattr(definition, "attention_mask", all_open)
    model = build(random_clip())
    with pytest.raises(RuntimeError, match=r"MaskedForm\.read_images and CachedForm.*FORM masked"):
        model(images_for(model.clip))


def seeing_themselves(*args):
    """A mask with which prompts see themselves as well, a small change."""
    mask = TRUE_MASK(*args)
    prompts = torch.arange(mask.shape[-1] - args[1], mask.shape[-1])
    mask[..., prompts, prompts] = True
    return mask


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_small_change_of_the_mask_is_seen_in_every_precision(random_clip, monkeypatch, precision):
    clip = random_clip()
    openai.model().convert_weights(clip)
    set_precision(clip, precision)
    monkeypatch.setattr(definition, "attention_mask", seeing_themselves)
    with pytest.raises(RuntimeError, match="disagree"), autocast(precision, torch.device("cpu")):
        build(clip)(images_for(clip))


def test_another_mask_acts_in_the_masked_form(random_clip, monkeypatch):
    model = build(random_clip(), form="masked")
    images = images_for(model.clip)
    before = model(images).detach()
    monkeypatch.setattr(definition, "attention_mask", all_open)
    assert not torch.allclose(model(images), before, atol=1e-2)


def without_padding_mask(layers, prompts, visible=None):
    return READ(layers, prompts, None)


def scaled(layers, prompts, visible=None):
    return READ(layers, 1.1 * prompts, visible)


READ = definition.read_only_pass


@pytest.mark.parametrize(
    ("mistake", "side"), [(without_padding_mask, "read_texts"), (scaled, "read_images")]
)
@pytest.mark.parametrize("modality", ["both", "text"])
def test_a_mistake_in_the_cached_form_is_caught(random_clip, monkeypatch, mistake, side, modality):
    monkeypatch.setattr(definition, "read_only_pass", mistake)
    model = build(random_clip(), modality=modality)
    with pytest.raises(RuntimeError, match=f"MaskedForm.{side} and CachedForm.{side}.*apart"):
        model(images_for(model.clip))


def test_a_form_of_ones_own_is_checked(random_clip):
    class Scaled(CachedForm):
        def read_images(self, tower, images, prompts):
            return super().read_images(tower, images, prompts.flip(0))

    model = build(random_clip())
    model.form = Scaled()
    with pytest.raises(RuntimeError, match="MaskedForm.read_images and Scaled.read_images"):
        model(images_for(model.clip))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", ["small", "deep", "ViT-B/16"])
def test_the_check_passes_once_and_changes_nothing(random_clip, monkeypatch, precision, shape):
    clip = random_clip(shape)
    openai.model().convert_weights(clip)
    set_precision(clip, precision)
    calls, check = [], definition.check_form
    monkeypatch.setattr(definition, "check_form", lambda *a: calls.append(1) or check(*a))
    checked, unchecked = build(clip), build(clip)
    unchecked.checked = True
    images, state = images_for(clip), torch.get_rng_state()
    with autocast(precision, torch.device("cpu")), torch.no_grad():
        first = checked(images)
        assert torch.equal(first, unchecked(images))
        assert torch.equal(checked(images), first)
    assert len(calls) == 1 and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "fields", [{"compile": "default"}, {"text_chunk": 2}, {"gradient_tolerance": 0.1}]
)
@pytest.mark.parametrize("masked", [{"form": "masked"}, {"read_only": False}])
def test_what_belongs_to_the_cached_form_is_refused_without_it(random_clip, fields, masked):
    with pytest.raises(ValueError, match="belong to the cached form"):
        build(random_clip(), **fields, **masked)


def test_the_definition_does_not_need_the_cached_form():
    assert not issubclass(MaskedForm, CachedForm)
