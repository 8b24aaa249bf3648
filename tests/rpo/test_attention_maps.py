"""Attention maps of prompts, against the whole mask on CLIP's own modules."""

import pytest
import torch

from rpo.attention import attention_mask
from rpo.attention_maps import attention_maps, most_different, spread
from rpo.methods.rpo import RPO

PROMPTS = 5


@pytest.fixture
def model(random_clip):
    """A model with three layers in its image encoder and prompts unlike CLS."""

    def build(**options):
        torch.manual_seed(1)
        model = RPO(random_clip("deep"), ["a cat", "a dog"], k=PROMPTS, init="random", **options)
        torch.nn.init.normal_(model.prompt_learner.img_prompt)
        return model

    return build


@pytest.fixture
def images():
    return torch.randn(2, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def slow_weights(model, images):
    """Of every layer, (batch, tokens + K, tokens + K): CLIP's attention modules under the mask."""
    visual = model.clip.visual
    patches = visual.conv1(images).flatten(2).transpose(1, 2)
    tokens = torch.cat([visual.class_embedding.expand(len(images), 1, -1), patches], dim=1)
    tokens = tokens + visual.positional_embedding
    prompts = model.prompt_learner.img_prompt.expand(len(images), -1, -1)
    sequence = visual.ln_pre(torch.cat([tokens, prompts], dim=1))
    hidden = ~attention_mask(tokens.shape[1], PROMPTS, causal=False)[0, 0]
    layers = []
    for block in visual.transformer.resblocks:
        rows = block.ln_1(sequence).transpose(0, 1)
        attended, weights = block.attn(rows, rows, rows, attn_mask=hidden, need_weights=True)
        layers.append(weights)
        sequence = sequence + attended.transpose(0, 1)
        sequence = sequence + block.mlp(block.ln_2(sequence))
    return layers


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_attention_is_that_of_the_masked_form(model, images, layer):
    built = model()
    seen = attention_maps(built, images, layer)
    with torch.no_grad():
        expected = slow_weights(built, images)[layer - 1]
    tokens = 1 + 9
    assert seen.class_token.shape == (2, tokens) and seen.prompts.shape == (2, PROMPTS, tokens)
    assert not expected[:, :, tokens:].any()
    torch.testing.assert_close(seen.class_token, expected[:, 0, :tokens], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(seen.prompts, expected[:, tokens:, :tokens], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(seen.prompts.sum(dim=-1), torch.ones(2, PROMPTS))
    assert spread(seen) > 0.02


@pytest.mark.parametrize("layer", [0, 4, -1])
def test_a_layer_that_is_not_there(model, images, layer):
    with pytest.raises(ValueError, match=f"no layer {layer}; the image encoder has 3"):
        attention_maps(model(), images, layer)


def test_models_without_read_only_visual_prompts_are_refused(model, images):
    with pytest.raises(ValueError, match="no visual prompts with TRAINER.RPO.MODALITY text"):
        attention_maps(model(modality="text"), images, 1)
    with pytest.raises(ValueError, match="READ_ONLY False"):
        attention_maps(model(read_only=False), images, 1)


def test_most_different():
    """Prompts 0 to 3 look at the same place, 4 and 5 at places of their own."""
    places = torch.tensor([0, 0, 0, 0, 1, 2])
    prompts = torch.eye(4)[places].expand(2, -1, -1)
    chosen = most_different(prompts, 3)
    assert chosen[1:] == [4, 5] and chosen[0] < 4
    assert most_different(prompts, 6) == most_different(prompts, 9) == [0, 1, 2, 3, 4, 5]
    assert most_different(prompts[:, :1], 3) == [0]
