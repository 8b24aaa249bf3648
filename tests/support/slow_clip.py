"""CLIP and its prompts computed the slow way: 77 tokens, one class at a time, CLIP's own blocks."""

from types import SimpleNamespace

import torch
from dassl.engine import TRAINER_REGISTRY
from torch.nn.functional import normalize

from rpo.clip.texts import tokenize_all
from rpo.trainers.config import default_config

NAMES = ["cat", "very long dog with a hat", "owl's (e.g.) nest!", "owl"]


def causal(size):
    return torch.full((size, size), float("-inf")).triu(1)


def run(blocks, tokens, mask=None, deeper=(), start=1, inserted=None):
    """A batch of token sequences through CLIP's blocks, with fresh prompts for deeper layers.

    `inserted`, a layer and (layers, count, width): prompts that join behind the first token there,
    and take the place of what became of them in the layers that follow.
    """
    for layer, block in enumerate(blocks):
        if inserted and inserted[0] <= layer < inserted[0] + len(inserted[1]):
            prompts = inserted[1][layer - inserted[0]].expand(len(tokens), -1, -1)
            after = 1 if layer == inserted[0] else 1 + prompts.shape[1]
            tokens = torch.cat([tokens[:, :1], prompts, tokens[:, after:]], dim=1)
            mask = None if mask is None else causal(tokens.shape[1])
        if 0 < layer <= len(deeper) and deeper[layer - 1] is not None:
            prompts = deeper[layer - 1].expand(len(tokens), -1, -1)
            rest = tokens[:, start + prompts.shape[1] :]
            tokens = torch.cat([tokens[:, :start], prompts, rest], dim=1)
        normed = block.ln_1(tokens).transpose(0, 1)
        attended = block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        tokens = tokens + attended.transpose(0, 1)
        tokens = tokens + block.mlp(block.ln_2(tokens))
    return tokens


def text_feature(clip, text, context=None, deeper=(), rearrange=None, inserted=None):
    """Of one text, with `context` (count, width) over its first words."""
    ids = tokenize_all([text], 77)
    words = clip.token_embedding(ids)[0]
    if context is not None:
        words = torch.cat([words[:1], context, words[1 + len(context) :]])
    if rearrange:
        words = rearrange(words)
    tokens = (words + clip.positional_embedding)[None]
    tokens = run(clip.transformer.resblocks, tokens, causal(77), deeper, inserted=inserted)
    end = ids.argmax() + (inserted[1].shape[1] if inserted else 0)
    return clip.ln_final(tokens[0, end]) @ clip.text_projection


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


def image_tokens(clip, images, inserted):
    """All tokens after the last layer, with inserted ones; see `run`."""
    visual = clip.visual
    tokens = visual.conv1(images).flatten(2).permute(0, 2, 1)
    cls = visual.class_embedding.expand(len(images), 1, -1)
    tokens = torch.cat([cls, tokens], dim=1) + visual.positional_embedding
    return run(visual.transformer.resblocks, visual.ln_pre(tokens), inserted=inserted)


def logits(clip, images, texts):
    return clip.logit_scale.exp() * normalize(images, dim=-1) @ normalize(texts, dim=-1).T


def in_order(state, encoder):
    """The deeper prompts of an encoder, by their names in MaPLe's program."""
    start, end = f"{encoder}.transformer.resblocks.", ".VPT_shallow"
    layers = sorted(int(key[len(start) : -len(end)]) for key in state if key.startswith(start))
    return [state[f"{start}{layer}{end}"] for layer in layers]


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


def value_and_gradients(value, parameters):
    """Of a scalar; the parameters' gradients are cleared."""
    value.backward()
    gradients = [parameter.grad.clone() for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    return [value.detach(), *gradients]


def assert_equal(got, expected):
    """To rounding, of something that is not nothing."""
    for value, reference in zip(got, expected, strict=True):
        assert reference.norm() > 0
        assert (value - reference).norm() / reference.norm() < 1e-4
