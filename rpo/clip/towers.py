"""CLIP's two encoders as the prompts need them: embed, pass through the layers, project.

A tower is a view: it holds modules of an OpenAI CLIP and never changes them. All sizes are the
model's own, so that ViT-B/32, B/16, L/14 and L/14@336px are the same code.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rpo.attention import attention_mask, masked_pass
from rpo.clip.blocks import Block, openai_blocks
from rpo.clip.load import Clip


class Tower(Protocol):
    """What both encoders have in common."""

    causal: bool  # whether a token sees itself and earlier tokens only
    blocks: Sequence[Block]

    def embed_prompts(self, prompts: Tensor) -> Tensor: ...

    def project(self, tokens: Tensor) -> Tensor: ...


class ImageTower(nn.Module):
    """The image encoder, a vision transformer."""

    causal = False

    def __init__(self, clip: Clip) -> None:
        """Raises ValueError for a ResNet, which has no token sequence to append prompts to."""
        super().__init__()
        if not hasattr(clip.visual, "class_embedding"):
            raise ValueError(
                "visual prompts need a vision transformer (ViT-B/32, ViT-B/16, ViT-L/14, "
                f"ViT-L/14@336px or tiny), and this CLIP has a {type(clip.visual).__name__}"
            )
        self.visual: Any = clip.visual
        self.blocks: Sequence[Block] = openai_blocks(clip.visual.transformer)

    @property
    def class_token(self) -> Tensor:
        """(width,) the embedding of CLS."""
        return self.visual.class_embedding

    def embed(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) to (batch, 1 + patches, width): CLS, then the patches."""
        patches = self.visual.conv1(images.to(self.visual.conv1.weight.dtype))
        patches = patches.flatten(2).transpose(1, 2)
        first = self.class_token.to(patches.dtype).expand(patches.shape[0], 1, -1)
        tokens = torch.cat([first, patches], dim=1)
        return self.visual.ln_pre(tokens + self.visual.positional_embedding.to(tokens.dtype))

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        """(K, width) to (1, K, width): no position, but CLIP's first normalisation."""
        return self.visual.ln_pre(prompts.to(self.visual.conv1.weight.dtype))[None]

    def project(self, tokens: Tensor) -> Tensor:
        """(..., width) to (..., embedding), CLIP's joint space."""
        return self.visual.ln_post(tokens) @ self.visual.proj


class TextTower(nn.Module):
    """The text encoder, a causal transformer."""

    causal = True

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.token_embedding: nn.Embedding = clip.token_embedding
        self.positional_embedding: Tensor = clip.positional_embedding
        self.blocks: Sequence[Block] = openai_blocks(clip.transformer)
        self.ln_final = clip.ln_final
        self.text_projection: Tensor = clip.text_projection

    @property
    def end_token(self) -> Tensor:
        """(width,) the embedding of EOT, the last entry of CLIP's vocabulary."""
        return self.token_embedding.weight[-1]

    def embed(self, tokens: Tensor) -> Tensor:
        """(classes, tokens) of token ids to (classes, tokens, width)."""
        dtype = self.text_projection.dtype
        positions = self.positional_embedding[: tokens.shape[1]]
        return self.token_embedding(tokens).to(dtype) + positions.to(dtype)

    def encode(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """CLIP's own text features, (classes, embedding), from cropped ids (classes, tokens)."""
        causal = attention_mask(tokens.shape[1], prompts=0, causal=True).to(tokens.device)
        outputs = masked_pass(self.blocks, self.embed(tokens), causal)
        return self.project(outputs[torch.arange(len(tokens)), lengths - 1])

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        """(K, width) to (1, K, width): a text prompt has no position."""
        return prompts.to(self.text_projection.dtype)[None]

    def project(self, tokens: Tensor) -> Tensor:
        """(..., width) to (..., embedding), CLIP's joint space."""
        return self.ln_final(tokens).to(self.text_projection.dtype) @ self.text_projection
