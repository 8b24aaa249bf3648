"""RPO's step as the original program computes it, to measure against.

Every class is padded to CLIP's 77 tokens, a dense mask per class and head rides along, CLIP's own
tokens are part of the autograd graph, text features are rebuilt at every step, and the K pairs are
added up one by one. It is also the oracle of RPO's
tests: it shares nothing with `rpo.methods.rpo` but the names of the prompts.
"""

from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.clip.texts import tokenize_all
from rpo.methods.rpo_prompts import PromptLearner


class PaddedModel(nn.Module):
    """The masked form on 77 tokens, for class texts and a module with both prompts."""

    def __init__(self, clip: Clip, texts: list[str], prompt_learner: PromptLearner) -> None:
        super().__init__()
        self.clip, self.prompt_learner = clip.requires_grad_(False), prompt_learner
        ids = tokenize_all(texts, clip.context_length).to(clip.token_embedding.weight.device)
        self.lengths = ids.argmax(dim=-1) + 1
        self.texts = clip.token_embedding(ids) + clip.positional_embedding
        self.text_mask = self._text_mask()

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        texts, seen = self.text_features(), self.image_features(images)
        count = texts.shape[1]
        logits = torch.zeros(len(images), len(texts), device=images.device)
        for k in range(count):
            logits = logits + seen[:, k] @ texts[:, k].T
        return self.clip.logit_scale.exp() * logits / count

    def text_features(self) -> Tensor:
        """(classes, K, embedding)."""
        prompts = self.prompt_learner.text_prompt.to(self.texts.dtype)
        positions = self._prompt_positions()
        tokens = self.texts.clone()
        tokens[positions] = prompts.repeat(len(tokens), 1)
        tokens = _blocks(self.clip.transformer.resblocks, tokens, self.text_mask)
        outputs = self.clip.ln_final(tokens)[positions] @ self.clip.text_projection
        return _unit(outputs.view(len(tokens), len(prompts), -1))

    def image_features(self, images: Tensor) -> Tensor:
        """(batch, K, embedding)."""
        visual, prompts = self.clip.visual, self.prompt_learner.img_prompt
        patches = visual.conv1(images.to(self.clip.dtype)).flatten(2).transpose(1, 2)
        first = visual.class_embedding.to(patches.dtype).expand(len(images), 1, -1)
        tokens = torch.cat([first, patches], dim=1) + visual.positional_embedding.to(patches.dtype)
        prompts = prompts.to(tokens.dtype).expand(len(images), -1, -1)
        tokens = visual.ln_pre(torch.cat([tokens, prompts], dim=1))
        mask = torch.zeros(tokens.shape[1], tokens.shape[1], device=tokens.device)
        mask[:, -prompts.shape[1] :] = float("-inf")
        tokens = _blocks(visual.transformer.resblocks, tokens, mask)
        return _unit(visual.ln_post(tokens[:, -prompts.shape[1] :]) @ visual.proj)

    def _prompt_positions(self) -> Any:
        """Indices of the K places behind EOT: classes (classes * K,), positions (classes * K,)."""
        count = len(self.prompt_learner.text_prompt)
        places = self.lengths[:, None] + torch.arange(count, device=self.lengths.device)
        classes = torch.arange(len(places), device=places.device)[:, None].expand_as(places)
        return classes.flatten(), places.flatten()

    def _text_mask(self) -> Tensor:
        """(classes * heads, 77, 77), to be added to the attention's scores."""
        positions = torch.arange(self.texts.shape[1], device=self.lengths.device)
        future = positions > positions[:, None]
        hidden = future | (positions >= self.lengths[:, None, None])
        mask = torch.zeros(hidden.shape, device=hidden.device).masked_fill(hidden, float("-inf"))
        heads = self.clip.transformer.resblocks[0].attn.num_heads
        return mask.repeat_interleave(heads, dim=0)


def _blocks(blocks: Any, tokens: Tensor, mask: Tensor) -> Tensor:
    """CLIP's layers by its own modules, in its own order of axes."""
    tokens, mask = tokens.transpose(0, 1), mask.to(tokens.dtype)
    for block in blocks:
        normed = block.ln_1(tokens)
        tokens = tokens + block.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        tokens = tokens + block.mlp(block.ln_2(tokens))
    return tokens.transpose(0, 1)


def _unit(features: Tensor) -> Tensor:
    return features / features.norm(dim=-1, keepdim=True)
