"""Every method against its paper's equation, on 77 tokens, one class at a time, CLIP's own blocks.

Values and gradients of the method must equal those of the plain computation below.
"""

from types import SimpleNamespace

import pytest
import torch
from dassl.engine import TRAINER_REGISTRY
from torch.nn.functional import cross_entropy, normalize

from rpo.clip.texts import tokenize_all
from rpo.trainers.config import default_config

NAMES = ["cat", "very long dog with a hat", "owl's (e.g.) nest!", "owl"]


def run(blocks, tokens, mask=None, deeper=(), start=1):
    """A batch of token sequences through CLIP's blocks, with fresh prompts for deeper layers."""
    for layer, block in enumerate(blocks):
        if 0 < layer <= len(deeper):
            prompts = deeper[layer - 1].expand(len(tokens), -1, -1)
            rest = tokens[:, start + prompts.shape[1] :]
            tokens = torch.cat([tokens[:, :start], prompts, rest], dim=1)
        normed = block.ln_1(tokens).transpose(0, 1)
        attended = block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        tokens = tokens + attended.transpose(0, 1)
        tokens = tokens + block.mlp(block.ln_2(tokens))
    return tokens


def text_feature(clip, text, context=None, deeper=(), rearrange=None):
    """Of one text, with `context` (count, width) over its first words."""
    ids = tokenize_all([text], 77)
    words = clip.token_embedding(ids)[0]
    if context is not None:
        words = torch.cat([words[:1], context, words[1 + len(context) :]])
    if rearrange:
        words = rearrange(words)
    mask = torch.full((77, 77), float("-inf")).triu(1)
    tokens = (words + clip.positional_embedding)[None]
    tokens = run(clip.transformer.resblocks, tokens, mask, deeper)
    return clip.ln_final(tokens[0, ids.argmax()]) @ clip.text_projection


def image_features(clip, images, prompts=()):
    visual = clip.visual
    tokens = visual.conv1(images).flatten(2).permute(0, 2, 1)
    cls = visual.class_embedding.expand(len(images), 1, -1)
    tokens = torch.cat([cls, tokens], dim=1) + visual.positional_embedding
    start = tokens.shape[1]
    if prompts:
        tokens = torch.cat([tokens, prompts[0].expand(len(images), -1, -1)], dim=1)
    blocks = visual.transformer.resblocks
    tokens = run(blocks, visual.ln_pre(tokens), None, prompts[1:], start)
    return visual.ln_post(tokens[:, 0]) @ visual.proj


def logits(clip, images, texts):
    return clip.logit_scale.exp() * normalize(images, dim=-1) @ normalize(texts, dim=-1).T


def coop(clip, learner, images, words="a photo of a", position="end"):
    count = learner.ctx.shape[-2]
    beginning = words or " ".join(["X"] * count)
    features = []
    for label, name in enumerate(NAMES):
        length = int(tokenize_all([name], 77).argmax()) - 1
        first = {"end": count, "middle": count // 2, "front": 0}[position]

        def rearrange(tokens, first=first, length=length):
            start, context = tokens[:1], tokens[1 : 1 + count]
            name_tokens = tokens[1 + count : 1 + count + length]
            rest = tokens[1 + count + length :]
            return torch.cat([start, context[:first], name_tokens, context[first:], rest])

        context = learner.ctx if learner.ctx.dim() == 2 else learner.ctx[label]
        text = f"{beginning} {name}."
        features.append(text_feature(clip, text, context, rearrange=rearrange))
    return logits(clip, image_features(clip, images), torch.stack(features))


def cocoop(clip, learner, images):
    rows = []
    for feature in normalize(image_features(clip, images), dim=-1):
        hidden = torch.relu(learner.meta_net.linear1(feature))
        context = learner.ctx + learner.meta_net.linear2(hidden)
        texts = [text_feature(clip, f"a photo of a {name}.", context) for name in NAMES]
        rows.append(logits(clip, feature[None], torch.stack(texts))[0])
    return torch.stack(rows)


def maple(clip, learner, images, words="a photo of a"):
    text_prompts = [learner.ctx, *learner.compound_prompts_text]
    projections = [learner.proj, *learner.compound_prompt_projections]
    pairs = zip(projections, text_prompts, strict=True)
    visual_prompts = [prompts @ layer.weight.T + layer.bias for layer, prompts in pairs]
    texts = [
        text_feature(clip, f"{words} {name}.", text_prompts[0], text_prompts[1:]) for name in NAMES
    ]
    return logits(clip, image_features(clip, images, visual_prompts), torch.stack(texts))


def in_order(state, encoder):
    """The deeper prompts of an encoder, by their names in MaPLe's program."""
    start, end = f"{encoder}.transformer.resblocks.", ".VPT_shallow"
    layers = sorted(int(key[len(start) : -len(end)]) for key in state if key.startswith(start))
    return [state[f"{start}{layer}{end}"] for layer in layers]


def vpt(clip, learner, images):
    state = dict(learner.named_parameters())
    prompts = [state["image_encoder.VPT"], *in_order(state, "image_encoder")]
    texts = [text_feature(clip, f"a photo of a {name}.") for name in NAMES]
    return logits(clip, image_features(clip, images, prompts), torch.stack(texts))


def ivlp(clip, learner, images):
    state = dict(learner.named_parameters())
    visual = [state["image_encoder.VPT"]] if "image_encoder.VPT" in state else []
    visual += in_order(state, "image_encoder")
    context, deeper = state["prompt_learner.ctx"], in_order(state, "text_encoder")
    texts = [text_feature(clip, f"a photo of a {name}.", context, deeper) for name in NAMES]
    return logits(clip, image_features(clip, images, visual), torch.stack(texts))


def lp(clip, learner, images):
    texts = torch.stack([text_feature(clip, f"A photo of a {name}") for name in NAMES])
    probed = image_features(clip, images) @ learner.weight.T + learner.bias
    return clip.logit_scale.exp() * probed @ normalize(texts, dim=-1).T


PHOTO = ("COOP.CTX_INIT", "a photo of a")
CASES = {
    "CoOp": (coop, "CoOp", PHOTO, {}),
    "CoOp random": (coop, "CoOp", ("COOP.N_CTX", 5), {"words": ""}),
    "CoOp middle": (
        coop, "CoOp", ("COOP.N_CTX", 5, "COOP.CLASS_TOKEN_POSITION", "middle"),
        {"words": "", "position": "middle"},
    ),
    "CoOp front": (
        coop, "CoOp", (*PHOTO, "COOP.CLASS_TOKEN_POSITION", "front"), {"position": "front"},
    ),
    # Words make it one context for all, as in the original.
    "CoOp own contexts, words": (coop, "CoOp", (*PHOTO, "COOP.CSC", True), {}),
    "CoOp own contexts": (
        coop, "CoOp", ("COOP.CSC", True, "COOP.N_CTX", 4), {"words": ""},
    ),
    "CoOp own contexts, middle": (
        coop, "CoOp", ("COOP.CSC", True, "COOP.N_CTX", 4, "COOP.CLASS_TOKEN_POSITION", "middle"),
        {"words": "", "position": "middle"},
    ),
    "CoCoOp": (cocoop, "CoCoOp", ("COCOOP.CTX_INIT", "a photo of a"), {}),
    "CoCoOp in parts": (
        cocoop, "CoCoOp", ("COCOOP.CTX_INIT", "a_photo_of_a", "COCOOP.MEMORY", 0), {},
    ),
    "MaPLe": (maple, "MaPLe", (), {}),
    "MaPLe shallow": (maple, "MaPLe", ("MAPLE.PROMPT_DEPTH", 1), {}),
    "MaPLe random": (maple, "MaPLe", ("MAPLE.N_CTX", 5), {"words": "X X X X X"}),
    "VPT shallow": (vpt, "VPT", (), {}),
    "VPT deep": (vpt, "VPT", ("VPT.PROMPT_DEPTH_VISION", 12, "VPT.N_CTX_VISION", 8), {}),
    "IVLP": (ivlp, "IVLP", (), {}),
    "IVLP of other depths": (
        ivlp, "IVLP", ("IVLP.PROMPT_DEPTH_VISION", 1, "IVLP.PROMPT_DEPTH_TEXT", 2), {},
    ),
    "language only": (ivlp, "IVLP", ("IVLP.PROMPT_DEPTH_VISION", 0, "IVLP.N_CTX_TEXT", 4), {}),
    "LP": (lp, "LP", (), {}),
}  # fmt: skip


def build(clip, method, options):
    """A method on `clip`, by the keys of its trainer, its parameters moved off their start."""
    cfg = default_config()
    cfg.merge_from_list([f"TRAINER.{part}" if index % 2 == 0 else part
                         for index, part in enumerate(options)])  # fmt: skip
    trainer = object.__new__(TRAINER_REGISTRY.get(method))
    trainer.cfg = cfg
    trainer.check_cfg(cfg)
    trainer.dm = SimpleNamespace(dataset=SimpleNamespace(classnames=NAMES))
    torch.manual_seed(3)
    model = trainer.method(clip, trainer.classes(), trainer.settings(cfg))
    model.requires_grad_(False)
    for parameter in model.learner().requires_grad_(True).parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return model


def loss_and_gradients(values, parameters):
    cross_entropy(values, torch.arange(len(values)) % values.shape[1]).backward()
    gradients = [parameter.grad.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    return [values.detach(), *gradients]


@pytest.mark.parametrize("shape", ["small", "deep"])
@pytest.mark.parametrize("case", CASES)
def test_network_equals_the_definition(random_clip, case, shape):
    definition, method, options, details = CASES[case]
    clip = random_clip(shape)
    size = clip.visual.input_resolution
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(2))
    model = build(clip, method, options)
    learner = model.lp_layer if method == "LP" else model.prompt_learner
    parameters = list(learner.parameters())
    got = loss_and_gradients(model(images), parameters)
    expected = loss_and_gradients(definition(clip, learner, images, **details), parameters)
    for value, reference in zip(got, expected, strict=True):
        assert reference.norm() > 0
        assert (value - reference).norm() / reference.norm() < 2e-5
    with torch.no_grad():
        torch.testing.assert_close(model(images), expected[0], rtol=2e-5, atol=2e-4)
