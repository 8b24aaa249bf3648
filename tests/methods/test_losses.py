"""Losses that are more than a cross-entropy, against their equations: values and gradients."""

import copy

import pytest
import torch
from slow_clip import (
    NAMES,
    assert_equal,
    build,
    image_features,
    image_tokens,
    in_order,
    logits,
    text_feature,
    value_and_gradients,
)
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

import rpo
from rpo.methods.promptsrc import imagenet_templates


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


def promptsrc(clip, learner, images, labels, weights=(25, 10)):
    state = dict(learner.named_parameters())
    context, deeper = state["prompt_learner.ctx"], in_order(state, "text_encoder")
    visual = [state["image_encoder.VPT"], *in_order(state, "image_encoder")]
    texts = normalize(texts_of(clip, "a photo of a {}.", context, deeper), dim=-1)
    seen = normalize(image_features(clip, images, visual), dim=-1)
    means = sum(texts_of(clip, template) for template in imagenet_templates()) / 60
    own_texts, own = normalize(means, dim=-1), normalize(image_features(clip, images), dim=-1)
    values, own_values = logits(clip, seen, texts), logits(clip, own, own_texts)
    wanted, given = own_values.softmax(dim=1), values.softmax(dim=1)
    divergence = (wanted * (wanted.log() - given.log())).sum() / wanted.numel()
    distances = [(a - b).abs().sum() / a.numel() for a, b in ((texts, own_texts), (seen, own))]
    held = weights[0] * distances[0] + weights[1] * distances[1]
    return cross_entropy(values, labels) + held + divergence


def mmrl(clip, learner, images, labels, first=1, weight=1.0):
    """Layers from `first`, counted from 0; one class and one layer after the other."""
    learnt, state = learner.representation_learner, dict(learner.named_parameters())
    texts = [
        each.weight @ row + each.bias
        for each in learnt.compound_rep_tokens_r2tproj
        for row in learnt.compound_rep_tokens
    ]
    visual = [
        each.weight @ row + each.bias
        for each in learnt.compound_rep_tokens_r2vproj
        for row in learnt.compound_rep_tokens
    ]
    count, layers = len(learnt.compound_rep_tokens), len(learnt.compound_rep_tokens_r2tproj)
    texts = torch.stack(texts).reshape(layers, count, -1)
    visual = torch.stack(visual).reshape(layers, count, -1)
    text_features = torch.stack(
        [text_feature(clip, f"a photo of a {name}.", inserted=(first, texts)) for name in NAMES]
    )
    outputs = image_tokens(clip, images, (first, visual))
    seen = clip.visual.ln_post(outputs[:, 0]) @ clip.visual.proj
    normed = [clip.visual.ln_post(outputs[:, 1 + index]) for index in range(count)]
    represented = sum(normed) / count @ state["image_encoder.proj_rep"]
    plain, own = (logits(clip, each, text_features) for each in (seen, represented))
    image_cosine = cosine_similarity(seen, image_features(clip, images)).mean()
    own_texts = texts_of(clip, "a photo of a {}.")
    text_cosine = cosine_similarity(text_features, own_texts).mean()
    fit = 0.7 * cross_entropy(plain, labels) + 0.3 * cross_entropy(own, labels)
    return fit + weight * (2 - image_cosine - text_cosine)


def tcp(clip, learner, images, labels, words="X X X X", layer=1):
    """The class's prompts are fresh in one layer only."""
    own = normalize(texts_of(clip, "a photo of a {}."), dim=-1)
    first, _, second = learner.meta_net
    texts = []
    for name, feature in zip(NAMES, own, strict=True):
        hidden = first.weight @ feature + first.bias
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        prompts = (second.weight @ hidden + second.bias).reshape(learner.ctx.shape)
        replaced = [None] * (layer - 1) + [prompts]
        texts.append(text_feature(clip, f"{words} {name}.", learner.ctx, replaced))
    texts = torch.stack(texts)
    distance = 1 - cosine_similarity(texts, own).mean()
    return cross_entropy(logits(clip, image_features(clip, images), texts), labels) + 8 * distance


def prograd(clip, learner, images, labels, words="X " * 12 + "a photo of a", t=1.0, removed=1.0):
    """Two backward passes; what is returned has the gradient that they make."""
    seen, ctx = image_features(clip, images), learner.ctx
    own = logits(clip, seen, texts_of(clip, "a photo of a {}.")).div(t).softmax(dim=1)
    values = logits(clip, seen, texts_of(clip, f"{words} {{}}.", ctx))
    answers = values.div(t).softmax(dim=1)
    divergence = t * t * (own * (own.log() - answers.log())).sum() / len(images)
    fit = cross_entropy(values, labels)
    (general,) = torch.autograd.grad(divergence, ctx, retain_graph=True)
    (gradient,) = torch.autograd.grad(fit, ctx)
    unit = general.flatten() / general.norm()
    along = gradient.flatten() @ unit
    if along < 0:
        gradient = gradient - removed * along * unit.reshape(gradient.shape)
    return fit.detach() + (gradient * (ctx - ctx.detach())).sum()


def two_stage(clip, learner, images, labels, classifier=False):
    changed = copy.deepcopy(clip)
    for transformer, norms in (
        (changed.transformer, learner.text), (changed.visual.transformer, learner.vision)
    ):  # fmt: skip
        for layer, pair in norms.items():
            for own, name in (("ln_1", "norm_1"), ("ln_2", "norm_2")):
                norm = getattr(transformer.resblocks[int(layer)], own)
                del norm.weight, norm.bias  # no parameters, so that gradients reach the learner
                norm.weight, norm.bias = pair[name].weight, pair[name].bias
    texts = learner.classifier if classifier else texts_of(changed, "a photo of a {}.")
    return cross_entropy(logits(changed, image_features(changed, images), texts), labels)


CASES = {
    "KgCoOp": (kgcoop, "KgCoOp", (), {}),
    "KgCoOp of another weight": (kgcoop, "KgCoOp", ("KGCOOP.W", 2.0), {"weight": 2.0}),
    "PromptSRC": (promptsrc, "PromptSRC", (), {}),
    "PromptSRC of other weights": (
        promptsrc, "PromptSRC",
        ("PROMPTSRC.TEXT_LOSS_WEIGHT", 3.0, "PROMPTSRC.IMAGE_LOSS_WEIGHT", 2.0),
        {"weights": (3, 2)},
    ),
    "TCP": (tcp, "TCP", ("TCP.LAYER", 2), {}),
    "ProGrad": (prograd, "ProGrad", (), {}),
    "ProGrad from random vectors": (
        prograd, "ProGrad",
        ("PROGRAD.CTX_INIT", False, "PROGRAD.N_CTX", 3, "PROGRAD.T", 2.0, "PROGRAD.REMOVED", 0.8),
        {"words": "X X X", "t": 2.0, "removed": 0.8},
    ),
    "TwoStage, first": (two_stage, "TwoStage", (), {}),
    "TwoStage of images' upper layers": (
        two_stage, "TwoStage",
        ("TWOSTAGE.LN_MODALITY", "vision", "TWOSTAGE.LN_VISION_START", 1), {},
    ),
    "TwoStage, second": (
        two_stage, "TwoStage", ("TWOSTAGE.N_ITERS_FRAC", 0.0), {"classifier": True},
    ),
    "MMRL": (mmrl, "MMRL", ("MMRL.REP_LAYERS", (2, 3), "MMRL.REP_DIM", 24), {}),
    "MMRL in all layers": (
        mmrl, "MMRL", ("MMRL.REP_LAYERS", (1, 2, 3, 4), "MMRL.REG_WEIGHT", 0.5),
        {"first": 0, "weight": 0.5},
    ),
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
    model.begin_step(0, 10)
    learner, named = model.learner(), dict(model.learner().named_parameters())
    if "classifier" in named:  # what learns in one stage stays in the other
        later = named.pop("classifier")
        named = {"classifier": later} if model.classifies else named
    parameters = list(named.values())
    got = value_and_gradients(model.loss(images, labels)[0], parameters)
    expected = definition(clip, learner, images, labels, **details)
    assert_equal(got, value_and_gradients(expected, parameters))


def test_tcp_takes_names_or_texts_with_their_places(random_clip):
    """As every method that takes both; words of a name were taken for places, and not read."""
    names, texts = ["red big old cat", "dog"], ["a photo of a cat.", "a photo of a dog."]
    clip, images = random_clip(), torch.randn(2, 3, 32, 32)
    by_names = rpo.TCP(clip, [names, texts])
    with_places = rpo.TCP(clip, [[f"X X X X {name}." for name in names], texts])
    other_words = rpo.TCP(clip, [["new small young cat", "dog"], texts])
    for other in (with_places, other_words):
        other.load_state_dict(by_names.state_dict())
    assert torch.equal(by_names(images), with_places(images))
    assert not torch.allclose(by_names(images), other_words(images))
