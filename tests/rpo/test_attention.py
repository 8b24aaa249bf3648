"""The mask, written out by hand, and the frozen pass against CLIP's own."""

import torch

from rpo.attention import attention_mask, frozen_layers, visible_tokens
from rpo.clip.texts import tokenize_all
from rpo.clip.towers import text_tower


def as_rows(mask):
    return ["".join("x" if seen else "." for seen in row) for row in mask[0, 0].tolist()]


def test_image_mask():
    assert as_rows(attention_mask(3, 2, causal=False)) == ["xxx.."] * 5


def test_text_mask_hides_the_future_the_padding_and_the_prompts():
    mask = attention_mask(4, 2, causal=True, lengths=torch.tensor([3]))
    assert as_rows(mask) == ["x.....", "xx....", "xxx...", "xxxx..", "xxx...", "xxx..."]


def test_ablation_masks():
    assert as_rows(attention_mask(2, 2, causal=False, read_only=False)) == ["xxxx"] * 4
    mask = attention_mask(3, 2, causal=True, lengths=torch.tensor([2]), read_only=False)
    assert as_rows(mask) == ["x....", "xx...", "xxx..", "xx.x.", "xx.xx"]


def test_visible_tokens():
    visible = visible_tokens(torch.tensor([1, 3]), 3)
    assert visible.shape == (2, 1, 1, 3)
    assert visible[:, 0, 0].tolist() == [[True, False, False], [True, True, True]]


def test_frozen_layers_are_those_of_clip(random_clip):
    """Keys of every layer equal those that CLIP's own blocks compute on the padded text."""
    clip = random_clip("deep")
    ids = tokenize_all(["a photo of a cat."], 77)
    tower = text_tower(clip)
    layers = list(frozen_layers(tower.blocks, tower.embed(ids[:, :8]), causal=True))
    tokens = tower.embed(ids)
    for block, layer in zip(clip.transformer.resblocks, layers, strict=True):
        width = tokens.shape[-1]
        weight, bias = block.attn.in_proj_weight, block.attn.in_proj_bias
        keys = block.ln_1(tokens) @ weight[width : 2 * width].T + bias[width : 2 * width]
        got = layer.keys.transpose(1, 2).flatten(2)
        torch.testing.assert_close(got, keys[:, :8], rtol=1e-4, atol=1e-5)
        assert not layer.keys.requires_grad
        tokens = block(tokens.transpose(0, 1)).transpose(0, 1)
