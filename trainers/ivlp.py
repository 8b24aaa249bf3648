"""IVLP, independent vision-language prompting, and deep language prompting: the two baselines of
Khattak, Rasheed, Maaz, Khan, Khan: Multi-modal Prompt Learning, CVPR 2023,
https://arxiv.org/abs/2210.03117.

Prompts in the first layers of both encoders, each side on its own. Without visual prompts it is
deep language prompting.
"""

from collections.abc import Sequence
from typing import Any

from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn

from rpo.classifier import PromptedClassifier
from rpo.clip.load import Clip
from rpo.clip.towers import TextTower
from rpo.context import context_texts, initial_context
from rpo.prompted import PromptedTexts
from rpo.registration import register

from .base import PromptTrainer
from .coop import ContextLearner
from .maple import first_words
from .vpt import DeeperPrompts, VisualPrompts


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


@register(TRAINER_REGISTRY)
class IVLP(PromptTrainer):
    """Saves the prompts of both encoders."""

    section = "IVLP"
    learner_name = "VLPromptLearner"
    defaults = {
        # Prompts a layer of the image encoder.
        "N_CTX_VISION": 2,
        # Prompts a layer of the text encoder.
        "N_CTX_TEXT": 2,
        # Words to start from, for up to 4 text prompts, as in MaPLe.
        "CTX_INIT": "a photo of a",
        # What the frozen encoders compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # The layers of the image encoder that have prompts. 0: language only.
        "PROMPT_DEPTH_VISION": 9,
        # The layers of the text encoder that have prompts.
        "PROMPT_DEPTH_TEXT": 9,
    }

    def check_cfg(self, cfg: Any) -> None:
        super().check_cfg(cfg)
        self.check_at_least(cfg, "N_CTX_TEXT", 1)
        self.check_at_least(cfg, "PROMPT_DEPTH_TEXT", 1)
        self.check_at_least(cfg, "PROMPT_DEPTH_VISION", 0)
        if cfg.TRAINER.IVLP.PROMPT_DEPTH_VISION:
            self.check_at_least(cfg, "N_CTX_VISION", 1)

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        options, count = self.options, self.options.N_CTX_TEXT
        words = first_words(options.CTX_INIT, count)
        context = initial_context(clip, words, count)
        depth = min(options.PROMPT_DEPTH_TEXT, len(TextTower(clip).blocks))
        deeper = DeeperPrompts(depth, count, context.shape[1])
        visual = None
        if options.PROMPT_DEPTH_VISION:
            visual = VisualPrompts(clip, options.PROMPT_DEPTH_VISION, options.N_CTX_VISION)
        texts = PromptedTexts(clip, context_texts(classnames, words, count), count)
        return PromptedClassifier(clip, texts, IndependentPrompts(context, deeper, visual))
