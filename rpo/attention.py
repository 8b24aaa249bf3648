"""Attention of prompts that read CLIP's tokens while nothing reads a prompt (RPO, section 3.2).

The same computation stands here twice:

* the masked form, the definition: prompts join the token sequence and a mask keeps every query
  from every prompt. `attention_mask` and `masked_pass`;
* the fast form: CLIP's tokens never see a prompt, so they pass through the layers once, without
  autograd, and each layer leaves its keys and values to the prompts, which are nothing but extra
  queries. `frozen_layers` and `read_only_pass`.

Both run on the residual attention blocks of an unmodified CLIP, seen as `rpo.clip.blocks.Block`.
Tokens are laid out as (batch, tokens, width), attention as (batch, heads, tokens, width of a head).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from rpo.clip.blocks import Block
from rpo.clip.towers import TextTower


class FrozenLayer(NamedTuple):
    """What one layer of CLIP leaves to the prompts: keys and values, (batch, heads, tokens, d)."""

    block: Block
    keys: Tensor
    values: Tensor

    def with_own_memory(self) -> "FrozenLayer":
        """A copy: as views of one projection, keys and values would keep the queries in memory."""
        return FrozenLayer(self.block, self.keys.contiguous(), self.values.contiguous())


def attention_mask(
    tokens: int, prompts: int, causal: bool, lengths: Tensor | None = None, read_only: bool = True
) -> Tensor:
    """Who sees whom, when `prompts` prompts follow `tokens` tokens of CLIP.

    Args:
        causal: a token sees itself and earlier tokens only, as in CLIP's text encoder.
        lengths: (batch,) the number of real tokens; the rest is padding that no prompt sees.
        read_only: nothing sees a prompt. If false (the ablation), prompts are ordinary tokens:
            seen by all, or, with `causal`, by themselves and by later prompts.

    Returns:
        (batch or 1, 1, tokens + prompts, tokens + prompts), True where the query of a row may
        see the key of a column.
    """
    size = tokens + prompts
    device = lengths.device if lengths is not None else None
    is_prompt = torch.arange(size, device=device) >= tokens
    visible = torch.ones(size, size, dtype=torch.bool, device=device)
    if causal:
        visible = visible.tril()
    if read_only:
        visible = visible & ~is_prompt
    visible = visible[None, None]
    if lengths is not None:
        hidden_padding = is_prompt[:, None] & ~is_prompt & ~visible_tokens(lengths, size)
        visible = visible & ~hidden_padding
    return visible


def visible_tokens(lengths: Tensor, tokens: int) -> Tensor:
    """(batch, 1, 1, tokens), True at the first `lengths` (batch,) tokens of each sequence."""
    return (torch.arange(tokens, device=lengths.device) < lengths[:, None])[:, None, None]


def masked_pass(blocks: Iterable[Block], tokens: Tensor, mask: Tensor) -> Tensor:
    """CLIP's layers on tokens and prompts together, (batch, tokens + prompts, width) both ways."""
    for block in blocks:
        queries, keys, values = block.queries_keys_values(tokens)
        attended = scaled_dot_product_attention(queries, keys, values, mask)
        tokens = block.add_mlp(block.add_attended(tokens, attended))
    return tokens


def own_text_features(tower: TextTower, ids: Tensor, lengths: Tensor) -> Tensor:
    """CLIP's own, (classes, embedding), of what `TextTower.tokenize` returns."""
    mask = attention_mask(ids.shape[1], prompts=0, causal=tower.causal).to(ids.device)
    outputs = masked_pass(tower.blocks, tower.embed(ids), mask)
    return tower.project(outputs[torch.arange(len(ids)), lengths - 1])


@torch.no_grad()
def frozen_layers(
    blocks: Sequence[Block], tokens: Tensor, causal: bool = False
) -> Iterator[FrozenLayer]:
    """CLIP's own pass over `tokens` (batch, tokens, width), layer by layer as it is consumed.

    Keep the layers in a list when the same tokens will be read again, as class texts are.
    """
    for block in blocks:
        queries, keys, values = block.queries_keys_values(tokens)
        yield FrozenLayer(block, keys, values)
        if block is not blocks[-1]:  # no prompt reads what comes out of the last layer
            attended = scaled_dot_product_attention(queries, keys, values, is_causal=causal)
            tokens = block.add_mlp_fast(block.add_attended(tokens, attended))


def read_only_pass(
    layers: Iterable[FrozenLayer], prompts: Tensor, visible: Tensor | None = None
) -> Tensor:
    """Prompts read every layer's tokens and leave no trace there.

    Args:
        layers: from `frozen_layers`, over `batch` sequences.
        prompts: (1 or batch, K, width).
        visible: from `visible_tokens`, where sequences differ in length.

    Returns:
        (batch, K, width). Gradients flow to `prompts` alone.
    """
    for block, keys, values in layers:
        queries = block.queries(prompts).expand(keys.shape[0], -1, -1, -1)
        attended = scaled_dot_product_attention(queries, keys, values, visible)
        prompts = block.add_mlp_fast(block.add_attended(prompts, attended))
    return prompts
