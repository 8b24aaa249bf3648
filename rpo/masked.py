"""RPO as the paper defines it, on the masked form of attention."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rpo.attention import Block, attention_mask, masked_pass
from rpo.model import ReadOnlyModel


class MaskedModel(ReadOnlyModel):
    """RPO as the paper defines it: prompts join the sequence, a mask keeps them read-only.

    Slower than its parent and equal to it. With `read_only` false (the ablation of section 4)
    the prompts take part in the attention like ordinary tokens and do change CLIP's own.
    """

    def __init__(self, *args: Any, read_only: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read_only = read_only

    def read_images(self, images: Tensor) -> Tensor:
        tokens = self.image_tower.embed(images)
        prompts = self.image_tower.embed_prompts(self.prompt_learner.img_prompt)
        mask = attention_mask(
            tokens.shape[1], prompts.shape[1], causal=False, read_only=self.read_only
        )
        return _masked(self.image_tower.blocks, tokens, prompts, mask.to(tokens.device))

    def read_texts(self) -> Tensor:
        tokens = self.text_tower.embed(self.ids)
        prompts = self.text_tower.embed_prompts(self.prompt_learner.text_prompt)
        mask = attention_mask(
            tokens.shape[1], prompts.shape[1], True, self.lengths, read_only=self.read_only
        )
        return _masked(self.text_tower.blocks, tokens, prompts, mask)


def _masked(blocks: Sequence[Block], tokens: Tensor, prompts: Tensor, mask: Tensor) -> Tensor:
    """Tokens and prompts through the layers together; the prompts, (batch, K, width)."""
    prompts = prompts.expand(len(tokens), -1, -1)
    together = masked_pass(blocks, torch.cat([tokens, prompts], dim=1), mask)
    return together[:, tokens.shape[1] :]
