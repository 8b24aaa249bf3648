"""The fast form, the masked form and an oracle on 77 tokens give the same numbers."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize
from torch.torch_version import TorchVersion

from rpo import memory
from rpo.clip.load import import_clip
from rpo.clip.precision import autocast, set_precision
from rpo.compilation import OLDEST, compile_passes
from rpo.masked import MaskedModel
from rpo.model import MODALITIES, ReadOnlyModel
from rpo.prompts import PromptLearner
from rpo.stacked import StackedModel

TEXTS = ["a photo of a cat.", "a photo of a very long dog with a hat.", "an owl."]
REAL_SHAPES = ("ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336px")


def build(form, clip, count=3, texts=TEXTS, **options):
    torch.manual_seed(1)
    learner = PromptLearner(clip.token_embedding.weight[-1], clip.visual.class_embedding, count)
    return form(clip, texts, learner, **options)


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


def oracle_logits(clip, prompts, texts, images):
    """RPO from the paper, class by class on padded 77-token sequences, with CLIP's own blocks."""
    count = len(prompts.img_prompt)
    text_features = torch.stack([_oracle_text(clip, prompts.text_prompt, text) for text in texts])
    visual = clip.visual
    tokens = visual.conv1(images).flatten(2).permute(0, 2, 1)
    cls = visual.class_embedding.expand(len(images), 1, -1)
    tokens = torch.cat([cls, tokens], dim=1) + visual.positional_embedding
    tokens = torch.cat([tokens, prompts.img_prompt.expand(len(images), -1, -1)], dim=1)
    tokens = visual.ln_pre(tokens)
    mask = torch.zeros(tokens.shape[1], tokens.shape[1])
    mask[:, -count:] = float("-inf")
    tokens = _oracle_blocks(visual.transformer.resblocks, tokens, mask)
    image_features = normalize(visual.ln_post(tokens[:, -count:]) @ visual.proj, dim=-1)
    logits = torch.zeros(len(images), len(texts))
    for k in range(count):
        logits = logits + image_features[:, k] @ text_features[:, k].T
    return clip.logit_scale.exp() * logits / count


def _oracle_text(clip, text_prompt, text):
    ids = import_clip().tokenize(text)
    length, count = int(ids.argmax()) + 1, len(text_prompt)
    tokens = clip.token_embedding(ids)[0] + clip.positional_embedding
    tokens = torch.cat([tokens[:length], text_prompt, tokens[length + count :]])[None]
    rows, columns = torch.arange(77)[:, None], torch.arange(77)
    mask = torch.zeros(77, 77).masked_fill((columns > rows) | (columns >= length), float("-inf"))
    tokens = _oracle_blocks(clip.transformer.resblocks, tokens, mask)
    outputs = clip.ln_final(tokens[0, length : length + count]) @ clip.text_projection
    return normalize(outputs, dim=-1)


def _oracle_blocks(blocks, tokens, mask):
    for block in blocks:
        normed = block.ln_1(tokens).transpose(0, 1)
        attended = block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        tokens = tokens + attended.transpose(0, 1)
        tokens = tokens + block.mlp(block.ln_2(tokens))
    return tokens


@pytest.mark.parametrize("shape", ["small", "deep"])
@pytest.mark.parametrize("form", [ReadOnlyModel, MaskedModel])
def test_both_forms_equal_the_oracle(random_clip, shape, form):
    model = build(form, random_clip(shape))
    images = images_for(model.clip)
    got = loss_and_gradients(model, images)
    twin = build(form, model.clip)
    twin.forward = lambda batch: oracle_logits(twin.clip, twin.prompt_learner, TEXTS, batch)
    assert_same(got, loss_and_gradients(twin, images))


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("count", [1, 5])
def test_fast_form_equals_masked_form(random_clip, modality, count):
    clip = random_clip()
    images = images_for(clip)
    results = []
    for form in (ReadOnlyModel, MaskedModel):
        model = build(form, clip, count, modality=modality)
        logits, *gradients = loss_and_gradients(model, images)
        results.append([logits, *(gradient for gradient in gradients if gradient is not None)])
    assert_same(*results)
    assert len(results[0]) == {"both": 3}.get(modality, 2)


@pytest.mark.parametrize("shape", REAL_SHAPES)
def test_every_vision_transformer_of_openai(random_clip, shape):
    clip = random_clip(shape)
    images = images_for(clip)
    fast, masked = (build(form, clip) for form in (ReadOnlyModel, MaskedModel))
    assert_same(loss_and_gradients(fast, images), loss_and_gradients(masked, images))


@pytest.mark.parametrize("precision", ["bf16", "fp16", "amp"])
def test_precisions_stay_near_float32(random_clip, precision):
    clip = random_clip()
    images = images_for(clip)
    reference = loss_and_gradients(build(ReadOnlyModel, clip), images)
    low = copy.deepcopy(clip)
    import_clip().model.convert_weights(low)
    model = build(ReadOnlyModel, set_precision(low, precision))
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
    before = clip.encode_image(images), clip.encode_text(import_clip().tokenize(TEXTS))
    model = build(ReadOnlyModel, clip)
    layers = [layer.keys.clone() for layer in model.text_layers()]
    optimiser = torch.optim.SGD(model.prompt_learner.parameters(), lr=10.0)
    for _ in range(2):
        loss_and_gradients(model, images)
        optimiser.step()
    after = clip.encode_image(images), clip.encode_text(import_clip().tokenize(TEXTS))
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert all(
        torch.equal(kept, layer.keys)
        for kept, layer in zip(layers, model.text_layers(), strict=True)
    )


@pytest.mark.parametrize("form", [ReadOnlyModel, MaskedModel])
@pytest.mark.parametrize("side", ["image", "text"])
def test_no_prompt_influences_another(random_clip, form, side):
    model = build(form, random_clip())
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
    masked = build(MaskedModel, clip)(images)
    assert not torch.allclose(build(MaskedModel, clip, read_only=False)(images), masked, atol=1e-3)


def test_text_features_are_computed_once_per_state_of_the_prompts(random_clip):
    model = build(ReadOnlyModel, random_clip())
    with torch.no_grad():
        first = model.cached_text_features()
        assert model.cached_text_features() is first
        model.prompt_learner.text_prompt.data.mul_(torch.rand(1, 64))
        torch.testing.assert_close(model.cached_text_features(), model.text_features())
        assert not torch.equal(model.cached_text_features(), first)


def test_evaluating_first_does_not_spoil_training(random_clip):
    model = build(ReadOnlyModel, random_clip())
    images = images_for(model.clip)
    with torch.inference_mode():
        model(images)
    assert_same(
        loss_and_gradients(model, images),
        loss_and_gradients(build(ReadOnlyModel, model.clip), images),
    )


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_blocks_of_classes_change_nothing(random_clip, chunk):
    model = build(ReadOnlyModel, random_clip(), text_chunk=chunk)
    images = images_for(model.clip)
    whole = build(ReadOnlyModel, model.clip)
    assert_same(loss_and_gradients(model, images), loss_and_gradients(whole, images))


@pytest.mark.skipif(torch.__version__ < OLDEST, reason="this PyTorch cannot compile blocks")
@pytest.mark.parametrize("chunk", [0, 2])
def test_compiled_passes_change_nothing(random_clip, chunk):
    """Traced for autograd, but run by PyTorch itself: no C++ compiler is needed."""
    compiled, plain = (build(ReadOnlyModel, random_clip(), text_chunk=chunk) for _ in range(2))
    compile_passes(compiled, "default", backend="aot_eager")
    torch._dynamo.utils.counters.clear()
    for batch in (2, 3):
        images = images_for(plain.clip, batch)
        assert_same(loss_and_gradients(compiled, images), loss_and_gradients(plain, images))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_an_older_pytorch_does_not_compile(random_clip, monkeypatch):
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.7.1+cu118"))
    with pytest.raises(ValueError, match="needs PyTorch 2.8 or later, and this is 2.7.1"):
        compile_passes(build(ReadOnlyModel, random_clip()), "default")


def test_blocks_follow_the_memory(random_clip, monkeypatch):
    """With a budget of two classes' worth, three texts are read in two blocks."""
    model = build(ReadOnlyModel, random_clip())
    blocks = []
    read = model._read_block
    monkeypatch.setattr(
        model, "_read_block", lambda p, classes: blocks.append(classes) or read(p, classes)
    )
    monkeypatch.setattr(memory, "CPU_BUDGET", 2.5 * 3 * 2 * 64 * memory.KEPT_PER_PROMPT * 4)
    with torch.no_grad():
        model.text_features()
    assert [(block.start, block.stop) for block in blocks] == [(0, 2), (2, 4)]


@pytest.mark.parametrize("modality", MODALITIES)
def test_runs_side_by_side_have_the_logits_they_have_alone(random_clip, modality):
    clip = random_clip()
    images = images_for(clip)
    alone = [build(ReadOnlyModel, clip, modality=modality) for _ in range(3)]
    for seed, model in enumerate(alone):
        torch.manual_seed(seed)
        for prompt in model.prompt_learner.parameters():
            prompt.data = torch.randn_like(prompt)
    learners = [model.prompt_learner for model in alone]
    with torch.no_grad():
        together = StackedModel(clip, TEXTS, learners, modality)(images)
        for logits, model in zip(together, alone, strict=True):
            torch.testing.assert_close(logits, model(images), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_runs_of_different_k_cannot_stand_side_by_side(random_clip):
    clip = random_clip()
    learners = [build(ReadOnlyModel, clip, count).prompt_learner for count in (2, 3)]
    with pytest.raises(ValueError, match=r"different numbers of prompts, \[2, 3\]"):
        StackedModel(clip, TEXTS, learners)


def test_only_prompts_learn(random_clip):
    model = build(ReadOnlyModel, random_clip())
    learnt = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert learnt == ["prompt_learner.text_prompt", "prompt_learner.img_prompt"]


def test_as_many_prompts_as_one_likes(random_clip):
    """Prompts use up no positions: more of them than the context is long."""
    model = build(ReadOnlyModel, random_clip(), count=80)
    assert model(images_for(model.clip)).isfinite().all()


def test_too_long_a_text_is_named(random_clip):
    with pytest.raises(ValueError, match="zebra zebra.*context of 77 tokens"):
        build(ReadOnlyModel, random_clip(), texts=["a cat.", "zebra " * 80])
