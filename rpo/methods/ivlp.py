"""IVLP, independent vision-language prompting, and deep language prompting: the two baselines of
Khattak, Rasheed, Maaz, Khan, Khan: Multi-modal Prompt Learning, CVPR 2023,
https://arxiv.org/abs/2210.03117.

Prompts in the first layers of both encoders, each side on its own. Without visual prompts it is
deep language prompting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.clip.towers import text_tower
from rpo.methods import settings
from rpo.methods.context import context_texts, first_words, initial_context
from rpo.methods.coop import ContextLearner
from rpo.methods.prompted import PromptedMethod, PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits
from rpo.methods.vpt import DeeperPrompts, VisualPrompts


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx_vision: int = setting(2, "Prompts a layer of the image encoder.", at_least=1)
    n_ctx_text: int = setting(2, "Prompts a layer of the text encoder.", at_least=1)
    ctx_init: str = setting(
        "a photo of a", "Words to start from, for up to 4 text prompts, as in MaPLe."
    )
    prompt_depth_vision: int = setting(
        9, "The layers of the image encoder that have prompts. 0: language only.", at_least=0
    )
    prompt_depth_text: int = setting(
        9, "The layers of the text encoder that have prompts.", at_least=1
    )


class IndependentPrompts(nn.Module):
    """`prompt_learner.ctx` and deeper `text_encoder...VPT_shallow`; `image_encoder` as in VPT."""

    def __init__(
        self, context: Tensor, text_encoder: DeeperPrompts, image_encoder: VisualPrompts | None
    ) -> None:
        super().__init__()
        self.prompt_learner = ContextLearner(context)
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder

    def text_prompts(self) -> list[Tensor]:
        return [self.prompt_learner.ctx, *self.text_encoder.prompts()]

    def visual_prompts(self) -> list[Tensor]:
        return self.image_encoder.prompts() if self.image_encoder else []


class IVLP(PromptedMethod):
    """Learns the prompts of both encoders, which differ from the original's as VPT's do."""

    traits = Traits(order=80, colour="#e69f00", marker="P", folder="ivlp")
    Settings = Settings

    def __init__(
        self, clip: Clip, names: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        chosen, count = self.settings, self.settings.n_ctx_text
        words = first_words(chosen.ctx_init, count)
        context = initial_context(clip, words, count)
        depth = min(chosen.prompt_depth_text, len(text_tower(clip).blocks))
        deeper = DeeperPrompts(depth, count, context.shape[1])
        visual = None
        if chosen.prompt_depth_vision:
            visual = VisualPrompts(clip, chosen.prompt_depth_vision, chosen.n_ctx_vision)
        texts = PromptedTexts(clip, context_texts(names, words, count), count)
        self.use(texts, IndependentPrompts(context, deeper, visual))
