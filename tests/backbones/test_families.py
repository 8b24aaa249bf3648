"""Every family: the library's own features, the two forms of RPO, and the other methods."""

import pickle

import pytest
import torch
from learning import learns_at_once
from torch.nn.functional import cross_entropy

import rpo
from rpo.attention import (
    attention_mask,
    frozen_layers,
    masked_pass,
    own_text_features,
    read_only_pass,
)
from rpo.methods.traits import known_traits

from .conftest import FAMILIES

TEXTS = ["a photo of a cat.", "a photo of a zebra crossing.", "dog"]
SIGLIP = [family for family in FAMILIES if family.endswith("siglip")]
every_family = pytest.mark.parametrize("family", FAMILIES)


def images(count=4):
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def own_image_features(tower, pixels):
    """By the blocks alone."""
    tokens = tower.embed(pixels)
    if tower.class_tokens:
        mask = attention_mask(tokens.shape[1], prompts=0, causal=False)
        return tower.project(masked_pass(tower.blocks, tokens, mask)[:, 0])
    return tower.project(read_only_pass(frozen_layers(tower.blocks, tokens), tower.reader(tokens)))[
        :, 0
    ]


@every_family
@torch.no_grad()
def test_blocks_compute_the_librarys_own_features(family, backbone):
    clip = backbone(family)
    text = clip.text_tower()
    ids, lengths = text.tokenize(TEXTS)
    whole = clip.encode_text(text.tokenizer(TEXTS, text.context_length))
    torch.testing.assert_close(own_text_features(text, ids, lengths), whole, rtol=0, atol=1e-5)
    assert whole.shape[1] == text.embedding_size
    expected = clip.encode_image(images())
    torch.testing.assert_close(
        own_image_features(clip.image_tower(), images()), expected, rtol=0, atol=1e-5
    )


@every_family
@torch.no_grad()
def test_a_pickled_model_computes_the_same(family, backbone):
    model = rpo.RPO(backbone(family), TEXTS, k=3).eval()
    assert torch.equal(pickle.loads(pickle.dumps(model))(images()), model(images()))


def loss_and_gradients(clip, form):
    torch.manual_seed(0)
    model = rpo.RPO(clip, TEXTS, k=3, form=form)
    loss = cross_entropy(model(images()), torch.tensor([0, 1, 2, 0]))
    return loss, torch.autograd.grad(loss, list(model.learner().parameters()))


@every_family
def test_cached_form_is_the_masked_form(family, backbone):
    clip = backbone(family)
    loss, gradients = loss_and_gradients(clip, "cached")
    expected, expected_gradients = loss_and_gradients(clip, "masked")
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    for one, other in zip(gradients, expected_gradients, strict=True):
        assert other.norm() > 0
        assert (one - other).norm() < 1e-4 * other.norm()


@pytest.mark.parametrize("family", SIGLIP)
@torch.no_grad()
def test_without_noise_the_prompts_of_siglip_are_what_it_pools(family, backbone):
    clip = backbone(family)
    model = rpo.RPO(clip, TEXTS, k=1)
    for prompt, tower in (("img_prompt", clip.image_tower()), ("text_prompt", clip.text_tower())):
        getattr(model.prompt_learner, prompt).copy_(tower.start_token[None])
    zero_shot = rpo.ZeroshotCLIP(clip, TEXTS)
    torch.testing.assert_close(model(images()), zero_shot(images()), rtol=0, atol=1e-4)


@pytest.mark.parametrize("family", SIGLIP)
@torch.no_grad()
def test_logits_of_siglip_have_its_bias(family, backbone):
    clip = backbone(family)
    ids = clip.text_tower().tokenizer(TEXTS, 24)
    if family.startswith("hf"):
        expected = clip.model(pixel_values=images(), input_ids=ids).logits_per_image
    else:
        expected = clip.model.get_logits(images(), ids)[0]
    torch.testing.assert_close(rpo.ZeroshotCLIP(clip, TEXTS)(images()), expected, rtol=0, atol=1e-5)


@every_family
@pytest.mark.parametrize("method", known_traits())
def test_every_method_learns_on_it_or_says_why_not(method, family, backbone):
    clip = backbone(family)
    before = clip.encode_image(images())
    torch.manual_seed(4)  # few hidden units here, all of which may be dead at a start
    kind = getattr(rpo, method)
    fields = {"n_ctx": 4} if method in ("CoOp", "CoCoOp") else {}  # SigLIP's context is short here
    try:
        model = kind(clip, TEXTS, **fields)
    except ValueError as error:
        needs = "the last layer of the image encoder" if method == "ProLIP" else "has no CLS token"
        assert needs in str(error) and (family in SIGLIP or method == "ProLIP")
        return
    logits = model(images())
    assert logits.shape == (4, 3) and logits.isfinite().all()
    if kind.traits.learns and method != "LogisticProbe":
        model.loss(images(), torch.tensor([0, 1, 2, 0]))[0].backward()
        for name, parameter in model.learner().named_parameters():
            moves = parameter.grad is not None and parameter.grad.norm() > 0
            assert moves == learns_at_once(method, name)
    assert torch.equal(clip.encode_image(images()), before)


@every_family
def test_bfloat16(family, backbone_name):
    clip = rpo.load_clip(backbone_name(family), "bf16")
    assert clip.logit_scale.dtype == torch.float32
    logits = rpo.RPO(clip, TEXTS, k=2)(images())
    assert logits.dtype == torch.float32 and logits.isfinite().all()
    for method in ("ZeroshotCLIP", "ZeroshotCLIP2", *(() if family in SIGLIP else ("TwoStage",))):
        assert getattr(rpo, method)(clip, TEXTS)(images()).isfinite().all()


@pytest.mark.parametrize("position", ["middle", "front"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_name_amid_its_context(family, position, backbone):
    model = rpo.CoOp(backbone(family), ["cat", "dog"], n_ctx=4, class_token_position=position)
    assert model(images()).isfinite().all()


@every_family
def test_a_text_that_does_not_fit_is_named(family, backbone):
    with pytest.raises(ValueError, match='"dog dog.*does not fit into CLIP.s context'):
        rpo.RPO(backbone(family), ["a cat", "dog " * 90])
