"""Every method against its paper's equation, on 77 tokens, one class at a time, CLIP's own blocks.

Values and gradients of the method must equal those of the plain computation below.
"""

import copy

import pytest
import torch
from slow_clip import (
    NAMES,
    assert_equal,
    build,
    image_features,
    in_order,
    logits,
    text_feature,
    value_and_gradients,
)
from torch.nn.functional import cross_entropy, normalize

from rpo.clip.texts import tokenize_all


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


def cliplora(clip, learner, images, encoder="both", upper=False, scale=2**-0.5):
    changed = copy.deepcopy(clip).requires_grad_(False)
    encoders = {"text": [changed.transformer], "vision": [changed.visual.transformer]}
    encoders["both"] = encoders["text"] + encoders["vision"]
    lists = [list(each.resblocks) for each in encoders[encoder]]
    blocks = [block for each in lists for block in each[len(each) // 2 if upper else 0 :]]
    for updates, block in zip(learner.values(), blocks, strict=True):
        own = block.attn.in_proj_weight.clone()
        parts = dict(zip(("q_proj", "k_proj", "v_proj"), own.chunk(3), strict=True))
        parts["proj"] = block.attn.out_proj.weight.clone()
        for name, update in updates.items():
            parts[name] = parts[name] + scale * update.w_lora_B @ update.w_lora_A
        # No parameters any more, so that gradients reach A and B.
        del block.attn.in_proj_weight, block.attn.out_proj.weight
        block.attn.out_proj.weight = parts.pop("proj")
        block.attn.in_proj_weight = torch.cat(list(parts.values()))
    texts = torch.stack([text_feature(changed, f"a photo of a {name}.") for name in NAMES])
    return logits(changed, image_features(changed, images), texts)


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
    "KgCoOp": (coop, "KgCoOp", (), {}),
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
    "PromptSRC": (ivlp, "PromptSRC", (), {}),
    "CLIPLoRA": (cliplora, "CLIPLoRA", (), {}),
    "CLIPLoRA of the text encoder's upper half": (
        cliplora, "CLIPLoRA",
        ("CLIPLORA.ENCODER", "text", "CLIPLORA.POSITION", "half-up", "CLIPLORA.PARAMS", "v o"),
        {"encoder": "text", "upper": True},
    ),
    "CLIPLoRA of images": (
        cliplora, "CLIPLoRA",
        ("CLIPLORA.ENCODER", "vision", "CLIPLORA.R", 3, "CLIPLORA.ALPHA", 6),
        {"encoder": "vision", "scale": 6 / 3**0.5},
    ),
    "LP": (lp, "LP", (), {}),
}  # fmt: skip


@pytest.mark.parametrize("shape", ["small", "deep"])
@pytest.mark.parametrize("case", CASES)
def test_network_equals_the_definition(random_clip, case, shape):
    definition, method, options, details = CASES[case]
    clip = random_clip(shape)
    size = clip.visual.input_resolution
    images = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(2))
    model = build(clip, method, options).eval()
    learner = model.learner() if method != "MaPLe" else model.prompt_learner
    parameters = list(learner.parameters())
    labels = torch.arange(len(images)) % len(NAMES)

    def trained(values):
        return [values.detach(), *value_and_gradients(cross_entropy(values, labels), parameters)]

    got = trained(model(images))
    expected = trained(definition(clip, learner, images, **details))
    assert_equal(got, expected)
    with torch.no_grad():
        torch.testing.assert_close(model(images), expected[0], rtol=2e-5, atol=2e-4)
