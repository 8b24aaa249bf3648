"""CLIP's two encoders as the prompts need them: embed, pass through the layers, project.

A tower is a view: it holds modules of a CLIP and never changes them. All sizes are the model's own.
Here are the towers of OpenAI's CLIP; those of other libraries stand in `open_clip` and
`hugging_face` beside this file.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from rpo.clip.blocks import Block, openai_blocks
from rpo.clip.load import Clip, check_image_size
from rpo.clip.texts import OpenAITokenizer, Tokenizer


class Tower(Protocol):
    """What both encoders have in common."""

    causal: bool  # whether a token sees itself and earlier tokens only
    blocks: Sequence[Block]  # those that prompts read

    @property
    def start_token(self) -> Tensor:
        """(width,) where prompts start: the token that becomes the feature."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """What the tower computes in."""
        ...

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        """(K, width) to (1, K, width), as the first layer takes them."""
        ...

    def project(self, tokens: Tensor) -> Tensor:
        """(..., width) to (..., embedding), CLIP's joint space."""
        ...


class ImageTower(Tower):
    """An image encoder.

    Attributes:
        class_tokens: how many tokens stand before the patches: 1, CLS, or 0.
    """

    causal = False
    class_tokens = 1

    def embed(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) to (batch, tokens, width): CLS, if there is one, and the
        patches."""
        raise NotImplementedError

    def reader(self, tokens: Tensor) -> Tensor:
        """(batch, 1, width), the token that becomes CLIP's own feature, as prompts would be."""
        return tokens[:, :1]


class TextTower(Tower):
    """A text encoder.

    Attributes:
        first_word: the place of the first word in a text, 1 after SOT.
        token_embedding: ids (...) to (..., width), without positions.
        positional_embedding: (context, width).
        tokenizer: of the model.
    """

    causal = True
    first_word = 1
    token_embedding: Any
    positional_embedding: Tensor
    tokenizer: Tokenizer

    @property
    def width(self) -> int:
        return self.positional_embedding.shape[1]

    @property
    def context_length(self) -> int:
        return self.positional_embedding.shape[0]

    @property
    def embedding_size(self) -> int:
        """Of the joint space."""
        raise NotImplementedError

    @property
    def start_token(self) -> Tensor:
        """(width,) the token that becomes the feature; its position counts unless it can vary."""
        ids, lengths = self.tokenize(["a"])
        token = self.token_embedding.weight[ids[0, int(lengths) - 1]]
        return token if self.causal else token + self.positional_embedding[-1]

    def tokenize(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (texts, tokens) and lengths (texts,), that of the token which is the feature
        included.

        In a causal encoder what stands behind that token cannot matter, and is cut.

        Raises:
            ValueError: a text is longer than the context; it is named.
        """
        ids = self.tokenizer(texts, self.context_length)
        lengths = self.lengths(ids)
        return ids[:, : int(lengths.max())], lengths

    def lengths(self, ids: Tensor) -> Tensor:
        """(texts,) of ids (texts, context): up to EOT, the last entry of CLIP's vocabulary."""
        return ids.argmax(dim=-1) + 1

    def embed(self, ids: Tensor) -> Tensor:
        """(classes, tokens) of token ids to (classes, tokens, width)."""
        positions = self.positional_embedding[: ids.shape[1]]
        return self.token_embedding(ids).to(self.dtype) + positions.to(self.dtype)

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        """(K, width) to (1, K, width): a text prompt has no position."""
        return prompts.to(self.dtype)[None]


class OpenAIImageTower(ImageTower):
    """A vision transformer of OpenAI."""

    def __init__(self, clip: Clip) -> None:
        """Raises ValueError for a ResNet, which has no token sequence to append prompts to."""
        if not hasattr(clip.visual, "class_embedding"):
            raise ValueError(
                "visual prompts need a vision transformer (ViT-B/32, ViT-B/16, ViT-L/14, "
                f"ViT-L/14@336px or tiny), and this CLIP has a {type(clip.visual).__name__}"
            )
        self.visual: Any = clip.visual
        self.blocks = openai_blocks(clip.visual.transformer)

    @property
    def start_token(self) -> Tensor:
        """(width,) the embedding of CLS."""
        return self.visual.class_embedding

    @property
    def dtype(self) -> torch.dtype:
        return self.visual.conv1.weight.dtype

    def embed(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) to (batch, 1 + patches, width): CLS, then the patches.

        Raises ValueError for images of another size.
        """
        check_image_size(images, self.visual)
        patches = self.visual.conv1(images.to(self.dtype)).flatten(2).transpose(1, 2)
        first = self.start_token.to(patches.dtype).expand(patches.shape[0], 1, -1)
        tokens = torch.cat([first, patches], dim=1)
        return self.visual.ln_pre(tokens + self.visual.positional_embedding.to(tokens.dtype))

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        """(K, width) to (1, K, width): no position, but CLIP's first normalisation."""
        return self.visual.ln_pre(prompts.to(self.dtype))[None]

    def project(self, tokens: Tensor) -> Tensor:
        return self.visual.ln_post(tokens) @ self.visual.proj


class OpenAITextTower(TextTower):
    """OpenAI's causal transformer."""

    tokenizer = OpenAITokenizer()

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.token_embedding = clip.token_embedding
        self.positional_embedding = clip.positional_embedding
        self.blocks = openai_blocks(clip.transformer)

    @property
    def start_token(self) -> Tensor:
        """(width,) the embedding of EOT, the last entry of CLIP's vocabulary."""
        return self.token_embedding.weight[-1]

    @property
    def dtype(self) -> torch.dtype:
        return self.clip.text_projection.dtype

    @property
    def embedding_size(self) -> int:
        return self.clip.text_projection.shape[1]

    def project(self, tokens: Tensor) -> Tensor:
        return self.clip.ln_final(tokens).to(self.dtype) @ self.clip.text_projection


def first_of(ids: Tensor, wanted: int) -> Tensor:
    """(texts,) the place of the first `wanted` in each row of ids (texts, context)."""
    return torch.eq(ids, wanted).int().argmax(dim=-1)


def image_tower(clip: Clip) -> ImageTower:
    """The image encoder of a CLIP of any library.

    Raises:
        ValueError: prompts cannot read it, as a ResNet.
    """
    own = getattr(clip, "image_tower", None)
    return own() if own else OpenAIImageTower(clip)


def text_tower(clip: Clip) -> TextTower:
    """The text encoder of a CLIP of any library."""
    own = getattr(clip, "text_tower", None)
    return own() if own else OpenAITextTower(clip)
