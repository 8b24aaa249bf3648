"""CLIP's encoders with learnt tokens that join in an upper layer, as MMRL has them.

What lies below that layer is CLIP's own, is computed without a graph, and serves CLIP's own
features too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rpo.attention import attention_mask, masked_pass
from rpo.clip.blocks import Layer
from rpo.clip.load import Clip
from rpo.clip.towers import ImageTower
from rpo.methods.base import Remembered
from rpo.methods.prompted import PromptedImages, PromptedTexts, prompted_pass


class UpperTexts(PromptedTexts):
    """The text encoder with tokens that join behind SOT above the first `below` layers.

    What these make of the texts is always the same, and computed once.
    """

    def __init__(self, clip: Clip, texts: Sequence[str]) -> None:
        super().__init__(clip, texts)
        self.below, self.lower = 0, Remembered()

    def forward(self, prompts: Sequence[Tensor]) -> Tensor:
        """Features (classes, embedding); `prompts` (count, width), one layer after the other."""
        lower = self.lower.get(self.lower_tokens, [self.ids])
        place, count = self.tower.first_word, len(prompts[0])
        tokens = insert(lower, prompts[0], place)
        blocks = self.tower.blocks[self.below :]
        outputs = prompted_pass(blocks, tokens, self.upper_visible(count), prompts[1:], place)
        rows = torch.div(self.ends, lower.shape[1], rounding_mode="floor")
        return self.tower.project(outputs.flatten(0, 1)[self.ends + count * (rows + 1)])

    def lower_tokens(self) -> Tensor:
        """(rows, tokens, width) below the first layer that is changed."""
        return masked_pass(self.tower.blocks[: self.below], self.embed(), self.visible)

    def upper_visible(self, count: int) -> Tensor:
        """Who sees whom with `count` tokens behind SOT: what follows sees them as it sees SOT."""
        size = self.visible.shape[-1]
        as_before = torch.arange(size, device=self.ids.device)
        places = torch.cat([as_before[:1].expand(1 + count), as_before[1:]])
        causal = torch.ones(size + count, size + count, dtype=torch.bool, device=self.ids.device)
        return self.visible[..., places, :][..., places] & causal.tril()


class UpperImages(PromptedImages):
    """The image encoder with tokens that join behind CLS above the first `below` layers."""

    def __init__(self, clip: Clip) -> None:
        """Raises ValueError for an encoder whose last normalisation does not stand alone."""
        super().__init__(clip)
        self.below = 0
        last_norm(self.tower)

    @torch.no_grad()
    def lower(self, images: Tensor) -> Tensor:
        """(batch, tokens, width) below the first layer that is changed."""
        tokens = self.tower.embed(images)
        return masked_pass(self.tower.blocks[: self.below], tokens, everything(tokens))

    @torch.no_grad()
    def own(self, lower: Tensor) -> Tensor:
        """CLIP's own features (batch, embedding), from there."""
        tokens = masked_pass(self.tower.blocks[self.below :], lower, everything(lower))
        return self.tower.project(tokens[:, 0])

    def upper(
        self, lower: Tensor, prompts: Sequence[Tensor], projection: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Twice (batch, embedding): of CLS, and of the mean of the learnt tokens."""
        tokens = insert(lower, prompts[0], 1)
        blocks = self.tower.blocks[self.below :]
        outputs = prompted_pass(blocks, tokens, everything(tokens), prompts[1:], 1)
        learnt = last_norm(self.tower)(outputs[:, 1 : 1 + len(prompts[0])]).mean(dim=1)
        return self.tower.project(outputs[:, 0]), learnt @ projection.to(learnt.dtype)


def insert(tokens: Tensor, prompts: Tensor, place: int) -> Tensor:
    """Prompts (count, width) between tokens (batch, tokens, width), `place` of which come first."""
    prompts = prompts.to(tokens.dtype).expand(tokens.shape[0], -1, -1)
    return torch.cat([tokens[:, :place], prompts, tokens[:, place:]], dim=1)


def everything(tokens: Tensor) -> Tensor:
    """The mask of an image encoder, where every token sees all."""
    return attention_mask(tokens.shape[1], prompts=0, causal=False).to(tokens.device)


def last_norm(tower: ImageTower) -> Layer:
    """What stands between the last layer and the projection.

    Raises:
        ValueError: there is no such thing.
    """
    for part, name in (("visual", "ln_post"), ("vision", "post_layernorm")):
        if norm := getattr(getattr(tower, part, None), name, None):
            return norm
    raise ValueError("tokens in upper layers need an image encoder laid out as OpenAI's")
