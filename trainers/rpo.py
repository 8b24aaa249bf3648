"""RPO. Lee, Song, Suh, Choi, Lee, Kim: Read-only Prompt Optimization for Vision-Language
Few-shot Learning, ICCV 2023, https://arxiv.org/abs/2308.14960.

K learnable prompts join the image tokens and K the text tokens of a frozen CLIP. They read CLIP's
tokens, and attention is masked so that nothing reads them: CLIP's own representation stays as it
was. The method itself is `rpo.model`, its attention `rpo.attention`.
"""

from collections.abc import Sequence
from typing import Any

from dassl.engine import TRAINER_REGISTRY
from torch import nn

from rpo.clip.load import Clip
from rpo.clip.texts import class_texts
from rpo.clip.towers import ImageTower, TextTower
from rpo.compilation import MODES, compile_passes
from rpo.masked import MaskedModel
from rpo.model import MODALITIES, ReadOnlyModel
from rpo.prompts import INITIALISERS, NOISES, PromptLearner
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class RPO(PromptTrainer):
    """Saves `text_prompt` (K, text width) and `img_prompt` (K, visual width)."""

    section = "RPO"
    defaults = {
        # Pairs of prompts.
        "K": 24,
        # What the frozen towers compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # Prompts start from the special tokens EOT and CLS (st), or random.
        "INIT": "st",
        # Noise on the special tokens: of length 0.1 as in the released code (unit), or of
        # standard deviation 0.1 as in the paper (gaussian).
        "NOISE": "unit",
        # Ablation: if False, prompts take part in the attention like CLIP's own tokens.
        "READ_ONLY": True,
        # Ablation: learn prompts of both encoders, or of one (text, visual) against
        # CLIP's own feature of the other.
        "MODALITY": "both",
        # Classes per block of the text side, to bound memory at the price of computing
        # each block twice; 0 chooses by the device's memory.
        "TEXT_CHUNK": 0,
        # torch.compile: none, default, or reduce-overhead with CUDA graphs.
        "COMPILE": "none",
        # Stands in the released configs and means nothing: the text is DATASET.PROMPT.
        "CTX_INIT": "",
    }

    def check_cfg(self, cfg: Any) -> None:
        super().check_cfg(cfg)
        self.check_choice(cfg, "INIT", tuple(INITIALISERS))
        self.check_choice(cfg, "NOISE", tuple(NOISES))
        self.check_choice(cfg, "MODALITY", MODALITIES)
        self.check_choice(cfg, "COMPILE", MODES)
        self.check_at_least(cfg, "K", 1)
        self.check_at_least(cfg, "TEXT_CHUNK", 0)

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        options = self.options
        texts = class_texts(classnames, self.cfg.DATASET.PROMPT)
        end_token, class_token = TextTower(clip).end_token, ImageTower(clip).class_token
        learner = PromptLearner(end_token, class_token, options.K, options.INIT, options.NOISE)
        if not options.READ_ONLY:
            return MaskedModel(clip, texts, learner, options.MODALITY, read_only=False)
        model = ReadOnlyModel(clip, texts, learner, options.MODALITY, options.TEXT_CHUNK)
        return compile_passes(model, options.COMPILE)
