"""CLIP's encoders with prompts among their tokens, as CoOp, CoCoOp, MaPLe, VPT and IVLP have them.

Unlike those of RPO, these prompts are ordinary tokens: they see CLIP's tokens and are seen by
them. The first layer's prompts may be followed by others for the next layers, which take the place
of what their predecessors became (deep prompting). CLIP's modules are used as they are, and
gradients flow to prompts alone.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rpo.attention import attention_mask, masked_pass
from rpo.clip.blocks import Block
from rpo.clip.load import Clip
from rpo.clip.texts import listed
from rpo.clip.towers import image_tower, text_tower
from rpo.methods.base import Method, cosine_logits
from rpo.methods.packing import ROW_LENGTH, pack


def prompted_pass(
    blocks: Sequence[Block], tokens: Tensor, mask: Tensor, deeper: Sequence[Tensor], start: int
) -> Tensor:
    """CLIP's layers on `tokens` (batch, tokens, width), among them prompts from `start` on.

    Args:
        mask: as of `rpo.attention.attention_mask`.
        deeper: prompts (count, width) of the second layer, of the third, and so on.
    """
    for index, block in enumerate(blocks):
        if 1 <= index <= len(deeper):
            tokens = replace(tokens, deeper[index - 1], start)
        tokens = masked_pass([block], tokens, mask)
    return tokens


def replace(tokens: Tensor, prompts: Tensor, start: int) -> Tensor:
    """Puts prompts (..., count, width) over the tokens (batch, tokens, width) from `start` on."""
    prompts = prompts.to(tokens.dtype).expand(*tokens.shape[:-2], -1, -1)
    after = start + prompts.shape[-2]
    return torch.cat([tokens[..., :start, :], prompts, tokens[..., after:, :]], dim=-2)


class PromptedTexts(nn.Module):
    """The text encoder on class texts in which prompts stand for the words after SOT.

    Args:
        texts: one per class; their first `count` tokens hold the prompts' places.
        own_prompts: every class has prompts of its own.
        order: (classes, tokens) where each place of a text takes its token from, if prompts and
            class name are to stand in another order.
    """

    ids: Tensor
    positions: Tensor
    visible: Tensor
    ends: Tensor
    order: Tensor | None

    def __init__(
        self,
        clip: Clip,
        texts: Sequence[str],
        count: int = 0,
        own_prompts: bool = False,
        order: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.tower = text_tower(clip)
        alike = not own_prompts and order is None
        first, causal = self.tower.first_word, self.tower.causal
        row_length = ROW_LENGTH if alike and causal else 0
        packing = pack(*self.tower.tokenize(listed(texts)), first + count, row_length, causal)
        for name, tensor in packing._asdict().items():
            self.register_buffer(name, tensor, persistent=False)
        self.register_buffer("order", order, persistent=False)

    def forward(self, prompts: Sequence[Tensor]) -> Tensor:
        """Features (..., classes, embedding).

        Args:
            prompts: of the first layer, (count, width), (classes, count, width), or with further
                dimensions in front, as (images, 1, count, width); then those of deeper layers.
                None at all leaves the texts as they are.
        """
        tokens, deeper = self.embed(*prompts[:1]), prompts[1:]
        outside, rows = tokens.shape[:-3], tokens.shape[-3]
        visible = self.visible.expand(*outside, rows, -1, -1, -1).flatten(0, -4)
        outputs = prompted_pass(
            self.tower.blocks, tokens.flatten(0, -3), visible, deeper, self.tower.first_word
        )
        outputs = outputs.reshape(*outside, -1, outputs.shape[-1])
        return self.tower.project(outputs[..., self.ends, :])

    def embed(self, prompts: Tensor | None = None) -> Tensor:
        """The first layer's tokens with their positions, (..., rows, tokens, width)."""
        dtype = self.tower.dtype
        tokens = self.tower.token_embedding(self.ids).to(dtype)
        if prompts is not None:
            outside = torch.broadcast_shapes(prompts.shape[:-2], tokens.shape[:-2])
            tokens = replace(tokens.expand(*outside, -1, -1), prompts, self.tower.first_word)
        if self.order is not None:
            tokens = tokens.gather(1, self.order[..., None].expand_as(tokens))
        return tokens + self.tower.positional_embedding[self.positions].to(dtype)


class PromptedImages(nn.Module):
    """The image encoder with prompts after its patches."""

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.tower = image_tower(clip)
        if not self.tower.class_tokens:
            raise ValueError(
                "this image encoder pools its patches and has no CLS token, which the method "
                "needs: RPO, and methods that learn texts, can use it"
            )

    def forward(self, images: Tensor, prompts: Sequence[Tensor]) -> Tensor:
        """Features (batch, embedding); `prompts` (count, width), one layer after the other, or
        none."""
        with torch.no_grad():
            tokens = self.tower.embed(images)
        start = tokens.shape[1]
        for first in prompts[:1]:
            appended = self.tower.embed_prompts(first).to(tokens.dtype)
            tokens = torch.cat([tokens, appended.expand(tokens.shape[0], -1, -1)], dim=1)
        mask = attention_mask(tokens.shape[1], prompts=0, causal=False).to(tokens.device)
        outputs = prompted_pass(self.tower.blocks, tokens, mask, prompts[1:], start)
        return self.tower.project(outputs[:, 0])


class Prompts(Protocol):
    """What learns: prompts (count, width) of the first layer, then of the next ones, if any."""

    def text_prompts(self) -> Sequence[Tensor]: ...

    def visual_prompts(self) -> Sequence[Tensor]: ...


class PromptedMethod(Method):
    """Prompts as ordinary tokens in the text encoder, the image encoder, or both.

    A subclass calls `use` with its texts and its prompts.
    """

    texts: PromptedTexts
    images: PromptedImages | None

    def use(self, texts: PromptedTexts, prompts: Any) -> None:
        """Takes the encoder of the class texts, and a module that is `Prompts`."""
        learnt: Prompts = prompts
        self.texts = texts
        self.prompt_learner = prompts
        self.images = PromptedImages(self.clip) if learnt.visual_prompts() else None

    def learner(self) -> nn.Module:
        return self.prompt_learner

    def forward(self, images: Tensor) -> Tensor:
        return self.logits_and_features(images)[0]

    def logits_and_features(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (batch, classes), and the features of images and texts that they come from."""
        image_features = self.image_features(images)
        text_features = self.text_features(self.prompt_learner.text_prompts())
        logits = cosine_logits(image_features, text_features, self.clip)
        return logits, image_features, text_features

    def text_features(self, prompts: Sequence[Tensor]) -> Tensor:
        """(classes, embedding), computed once per state of the prompts outside of training."""
        return self.remembered.get(lambda: self.texts(prompts), [self.texts.ids, *prompts])

    def image_features(self, images: Tensor) -> Tensor:
        """(batch, embedding)."""
        if self.images is None:
            return self.own_image_features(images)
        return self.images(images, self.prompt_learner.visual_prompts())
