"""MaPLe. Khattak, Rasheed, Maaz, Khan, Khan: Multi-modal Prompt Learning, CVPR 2023,
https://arxiv.org/abs/2210.03117.

Prompts in the first J layers of both encoders, where the visual ones are linear projections of the
text prompts of the same layer: both sides learn together.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.clip.towers import image_tower, text_tower
from rpo.methods import settings
from rpo.methods.context import CONTEXT_STD, context_texts, first_words, initial_context
from rpo.methods.prompted import PromptedMethod, PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx: int = setting(2, "Prompts a layer.", at_least=1)
    ctx_init: str = setting(
        "a photo of a",
        "Words to start from, for up to 4 prompts; words beyond them stay as they are. "
        "More prompts, or an empty text: random vectors.",
    )
    prompt_depth: int = setting(
        9, "J, the layers that have prompts: at most those that both encoders have.", at_least=1
    )


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


class MaPLe(PromptedMethod):
    """Learns the prompts and projections, all saved as `prompt_learner.<name>`.

    They stay float32, where the original program rounds prompts and projections to half precision.
    """

    traits = Traits(order=90, colour="#009e73", marker="^", folder="maple")
    Settings = Settings

    def __init__(
        self, clip: Clip, names: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        chosen, count = self.settings, self.settings.n_ctx
        words = first_words(chosen.ctx_init, count)
        tower = image_tower(clip)
        depth = min(chosen.prompt_depth, len(tower.blocks), len(text_tower(clip).blocks))
        context = initial_context(clip, words, count)
        prompts = MultiModalPrompts(context, len(tower.start_token), depth)
        self.use(PromptedTexts(clip, context_texts(names, words, count), count), prompts)

    def learner(self) -> nn.Module:
        return nn.ModuleDict({"prompt_learner": self.prompt_learner})
