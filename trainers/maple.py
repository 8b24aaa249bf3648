"""MaPLe. Khattak, Rasheed, Maaz, Khan, Khan: Multi-modal Prompt Learning, CVPR 2023,
https://arxiv.org/abs/2210.03117.

Prompts in the first J layers of both encoders, where the visual ones are linear projections of the
text prompts of the same layer: both sides learn together.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn

from rpo.classifier import PromptedClassifier
from rpo.clip.load import Clip
from rpo.clip.towers import ImageTower, TextTower
from rpo.context import CONTEXT_STD, context_texts, initial_context
from rpo.prompted import PromptedTexts
from rpo.registration import register

from .base import PromptTrainer


class MultiModalPrompts(nn.Module):
    """`ctx` (N_CTX, text width), its projection `proj`, and both again for each deeper layer."""

    def __init__(self, context: Tensor, visual_width: int, depth: int) -> None:
        super().__init__()
        self.proj = nn.Linear(context.shape[1], visual_width)
        self.ctx = nn.Parameter(context)
        deeper = [CONTEXT_STD * torch.randn_like(context) for _ in range(depth - 1)]
        self.compound_prompts_text = nn.ParameterList([nn.Parameter(one) for one in deeper])
        # All deeper projections start alike.
        projection = nn.Linear(context.shape[1], visual_width)
        self.compound_prompt_projections = nn.ModuleList(
            copy.deepcopy(projection) for _ in range(depth - 1)
        )

    def text_prompts(self) -> list[Tensor]:
        return [self.ctx, *self.compound_prompts_text]

    def visual_prompts(self) -> list[Tensor]:
        projections = [self.proj, *self.compound_prompt_projections]
        pairs = zip(projections, self.text_prompts(), strict=True)
        return [projection(prompts) for projection, prompts in pairs]


@register(TRAINER_REGISTRY)
class MaPLe(PromptTrainer):
    """Saves the prompts and projections, all as `prompt_learner.<name>`."""

    section = "MAPLE"
    learner_name = "MultiModalPromptLearner"
    defaults = {
        # Prompts a layer.
        "N_CTX": 2,
        # Words to start from, for up to 4 prompts; words beyond them stay as they are.
        # More prompts, or an empty text: random vectors.
        "CTX_INIT": "a photo of a",
        # What the frozen encoders compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # J, the layers that have prompts: at most those that both encoders have.
        "PROMPT_DEPTH": 9,
    }

    def check_cfg(self, cfg: Any) -> None:
        super().check_cfg(cfg)
        self.check_at_least(cfg, "N_CTX", 1)
        self.check_at_least(cfg, "PROMPT_DEPTH", 1)

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        options, count = self.options, self.options.N_CTX
        words = first_words(options.CTX_INIT, count)
        tower = ImageTower(clip)
        depth = min(options.PROMPT_DEPTH, len(tower.blocks), len(TextTower(clip).blocks))
        context = initial_context(clip, words, count)
        learner = MultiModalPrompts(context, len(tower.class_token), depth)
        texts = PromptedTexts(clip, context_texts(classnames, words, count), count)
        return PromptedClassifier(clip, texts, learner)

    def learner(self) -> nn.Module:
        return nn.ModuleDict({"prompt_learner": super().learner()})


def first_words(words: str, count: int) -> str:
    """CTX_INIT without underscores; empty, that is random, for more than 4 prompts."""
    return words.replace("_", " ") if count <= 4 else ""
