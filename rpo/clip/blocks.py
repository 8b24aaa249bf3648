"""A residual attention block as the methods need it, whichever library it is from.

    tokens = tokens + out(attention(norm_1(tokens)))
    tokens = tokens + mlp(norm_2(tokens))

A block here is a view: it holds a library's module and never changes it. Tokens are laid out as
(batch, tokens, width), what is attended as (batch, heads, tokens, width of a head).
"""

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

# OpenAI's activation is x * sigmoid(1.702 x).
QUICK_GELU = 1.702


class Block(Protocol):
    """What the core asks of a block."""

    def queries(self, tokens: Tensor) -> Tensor:
        """(batch, heads, tokens, d)."""
        ...

    def queries_keys_values(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Three times (batch, heads, tokens, d)."""
        ...

    def add_attended(self, tokens: Tensor, attended: Tensor) -> Tensor:
        """What was attended to, (batch, heads, tokens, d), joins the tokens."""
        ...

    def add_mlp(self, tokens: Tensor) -> Tensor:
        """The second half of the block."""
        ...

    def add_mlp_fast(self, tokens: Tensor) -> Tensor:
        """The same to rounding, in fewer passes over memory where that can be had."""
        ...


def heads(tokens: Tensor, count: int) -> Tensor:
    """(batch, tokens, width) to (batch, heads, tokens, d)."""
    return tokens.unflatten(-1, (count, -1)).transpose(1, 2)


class OpenAIBlock:
    """A block of OpenAI's CLIP, whose query, key and value weights are one matrix."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def queries(self, tokens: Tensor) -> Tensor:
        return heads(self.project(tokens, slice(0, 1)), self.module.attn.num_heads)

    def queries_keys_values(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = self.project(tokens, slice(0, 3)).chunk(3, dim=-1)
        queries, keys, values = (heads(part, self.module.attn.num_heads) for part in parts)
        return queries, keys, values

    def project(self, tokens: Tensor, parts: slice) -> Tensor:
        """The chosen ones of the query (0), key (1) and value (2) projections, side by side."""
        attention = self.module.attn
        weight = attention.in_proj_weight.unflatten(0, (3, -1))[parts].flatten(0, 1)
        bias = attention.in_proj_bias.unflatten(0, (3, -1))[parts].flatten(0, 1)
        return linear(self.module.ln_1(tokens), weight, bias)

    def add_attended(self, tokens: Tensor, attended: Tensor) -> Tensor:
        return tokens + self.module.attn.out_proj(attended.transpose(1, 2).flatten(2))

    def add_mlp(self, tokens: Tensor) -> Tensor:
        return tokens + self.module.mlp(self.module.ln_2(tokens))

    def add_mlp_fast(self, tokens: Tensor) -> Tensor:
        """With the activation in one pass over memory.

        x * sigmoid(1.702 x) is silu(1.702 x) / 1.702. Both factors vanish in operations that are
        done anyway: the first in the matrix product before, the second in the addition after.
        """
        expand, activation, contract = self.module.mlp
        if type(activation).__name__ != "QuickGELU":
            return self.add_mlp(tokens)
        rows = self.module.ln_2(tokens).flatten(0, 1)
        hidden = torch.addmm(
            expand.bias, rows, expand.weight.T, beta=QUICK_GELU, alpha=QUICK_GELU
        ).unflatten(0, tokens.shape[:2])
        contracted = linear(silu(hidden), contract.weight, QUICK_GELU * contract.bias)
        return torch.add(tokens, contracted, alpha=1 / QUICK_GELU)


def openai_blocks(transformer: nn.Module) -> list[Block]:
    """Of a transformer of OpenAI's CLIP."""
    return [OpenAIBlock(module) for module in transformer.resblocks]  # type: ignore[union-attr]
