"""A residual attention block as the methods need it, whichever library it is from.

    tokens = tokens + out(attention(norm_1(tokens)))
    tokens = tokens + mlp(norm_2(tokens))

A block here is a view: it holds parts of a library's module and never changes them. Tokens are
laid out as (batch, tokens, width), what is attended as (batch, heads, tokens, width of a head).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

Layer: TypeAlias = Callable[[Tensor], Tensor]
# Normalised tokens to the chosen ones of the query (0), key (1) and value (2) projections, side by
# side.
Projections: TypeAlias = Callable[[Tensor, slice], Tensor]
# OpenAI's activation is x * sigmoid(1.702 x).
QUICK_GELU = 1.702


def identity(tokens: Tensor) -> Tensor:
    """What a block without a part has there."""
    return tokens


@dataclass(frozen=True)
class Block:
    """A block by its parts.

    Attributes:
        heads: their number.
        out: the attended heads side by side, (batch, tokens, width), to what joins the tokens.
        norm_queries, norm_keys: of each head's vectors, where a library has such.
        scale_1, scale_2: of what joins the tokens (layer scale), likewise.
        quick_gelu: the two linear layers of an MLP whose activation is OpenAI's; None: another.
    """

    norm_1: Layer
    project: Projections
    heads: int
    out: Layer
    norm_2: Layer
    mlp: Layer
    norm_queries: Layer = identity
    norm_keys: Layer = identity
    scale_1: Layer = identity
    scale_2: Layer = identity
    quick_gelu: tuple[nn.Linear, nn.Linear] | None = None

    def queries(self, tokens: Tensor) -> Tensor:
        """(batch, heads, tokens, d)."""
        return self.norm_queries(self.split(self.project(self.norm_1(tokens), slice(0, 1))))

    def queries_keys_values(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three times (batch, heads, tokens, d)."""
        parts = self.project(self.norm_1(tokens), slice(0, 3)).chunk(3, dim=-1)
        queries, keys, values = (self.split(part) for part in parts)
        return self.norm_queries(queries), self.norm_keys(keys), values

    def split(self, tokens: Tensor) -> Tensor:
        """(batch, tokens, width) to (batch, heads, tokens, d)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def attended_out(self, attended: Tensor) -> Tensor:
        """What was attended to, (batch, heads, tokens, d), as (batch, tokens, width)."""
        return self.out(attended.transpose(1, 2).flatten(2))

    def add_attended(self, tokens: Tensor, attended: Tensor) -> Tensor:
        """The first half of the block, after the attention."""
        return tokens + self.scale_1(self.attended_out(attended))

    def add_mlp(self, tokens: Tensor) -> Tensor:
        """The second half."""
        return tokens + self.scale_2(self.mlp(self.norm_2(tokens)))

    def add_mlp_fast(self, tokens: Tensor) -> Tensor:
        """The same to rounding, with OpenAI's activation in one pass over memory.

        x * sigmoid(1.702 x) is silu(1.702 x) / 1.702. Both factors vanish in operations that are
        done anyway: the first in the matrix product before, the second in the addition after.
        """
        if self.quick_gelu is None or self.scale_2 is not identity:
            return self.add_mlp(tokens)
        expand, contract = self.quick_gelu
        rows = self.norm_2(tokens).flatten(0, 1)
        hidden = torch.addmm(
            expand.bias, rows, expand.weight.T, beta=QUICK_GELU, alpha=QUICK_GELU
        ).unflatten(0, tokens.shape[:2])
        contracted = linear(silu(hidden), contract.weight, QUICK_GELU * contract.bias)
        return torch.add(tokens, contracted, alpha=1 / QUICK_GELU)


class PoolingHead(Block):
    """SigLIP's head, which pools tokens by attention: a block whose queries do not stay."""

    def add_attended(self, tokens: Tensor, attended: Tensor) -> Tensor:
        return self.attended_out(attended)


def fused(attention: Any) -> Projections:
    """Of an attention whose query, key and value weights are one matrix, `in_proj_weight`."""
    return partial(_project_fused, attention)  # which can be copied and pickled


def _project_fused(attention: Any, tokens: Tensor, parts: slice) -> Tensor:
    weight = attention.in_proj_weight.unflatten(0, (3, -1))[parts].flatten(0, 1)
    bias = attention.in_proj_bias
    if bias is not None:
        bias = bias.unflatten(0, (3, -1))[parts].flatten(0, 1)
    return linear(tokens, weight, bias)


def separate(layers: Sequence[nn.Module]) -> Projections:
    """Of an attention with a linear layer each for queries, keys and values."""
    return partial(_project_separate, layers)


def _project_separate(layers: Sequence[nn.Module], tokens: Tensor, parts: slice) -> Tensor:
    return torch.cat([layer(tokens) for layer in layers[parts]], dim=-1)


def openai_blocks(transformer: Any) -> list[Block]:
    """Of a transformer of OpenAI's CLIP."""
    return [openai_block(module) for module in transformer.resblocks]


def openai_block(module: Any) -> Block:
    """A block of OpenAI's CLIP."""
    expand, activation, contract = module.mlp
    quick = type(activation).__name__ == "QuickGELU"
    return Block(
        norm_1=module.ln_1,
        project=fused(module.attn),
        heads=module.attn.num_heads,
        out=module.attn.out_proj,
        norm_2=module.ln_2,
        mlp=module.mlp,
        quick_gelu=(expand, contract) if quick else None,
    )
