"""VPT. Jia, Tang, Chen, Cardie, Belongie, Hariharan, Lim: Visual Prompt Tuning, ECCV 2022,
https://arxiv.org/abs/2203.12119; for CLIP, and under these names, in the program of MaPLe.

Prompts among the image tokens: of the first layer (shallow), or fresh ones in each of several
layers (deep). The class texts, "a photo of a <name>.", stay as they are.
"""

from collections.abc import Sequence
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn

from rpo.classifier import PromptedClassifier
from rpo.clip.load import Clip
from rpo.clip.towers import ImageTower
from rpo.context import CONTEXT_STD, context_texts
from rpo.prompted import PromptedTexts
from rpo.registration import register

from .base import PromptTrainer


class LayerPrompts(nn.Module):
    """(count, width) prompts of one layer, in MaPLe's program `VPT_shallow` wherever they are."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.VPT_shallow = nn.Parameter(CONTEXT_STD * torch.randn(count, width))


class DeeperPrompts(nn.Module):
    """Prompts of the layers 1 to depth - 1: `transformer.resblocks.<layer>.VPT_shallow`."""

    def __init__(self, depth: int, count: int, width: int) -> None:
        super().__init__()
        layers = {str(layer): LayerPrompts(count, width) for layer in range(1, depth)}
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleDict(layers)})

    def prompts(self) -> list[Tensor]:
        return list(self.transformer.parameters())


class VisualPrompts(DeeperPrompts):
    """Prompts of all layers of the image encoder: `VPT` (count, width) is the first."""

    def __init__(self, clip: Clip, depth: int, count: int) -> None:
        tower = ImageTower(clip)
        width = len(tower.class_token)
        super().__init__(min(depth, len(tower.blocks)), count, width)
        self.VPT = nn.Parameter(CONTEXT_STD * torch.randn(count, width))

    def prompts(self) -> list[Tensor]:
        return [self.VPT, *super().prompts()]


class VisualPromptLearner(nn.Module):
    """`image_encoder.VPT`, and deeper `image_encoder.transformer.resblocks.<layer>.VPT_shallow`."""

    def __init__(self, image_encoder: VisualPrompts) -> None:
        super().__init__()
        self.image_encoder = image_encoder

    def text_prompts(self) -> list[Tensor]:
        return []

    def visual_prompts(self) -> list[Tensor]:
        return self.image_encoder.prompts()


@register(TRAINER_REGISTRY)
class VPT(PromptTrainer):
    """Saves the prompts of the image encoder."""

    section = "VPT"
    defaults = {
        # Prompts a layer.
        "N_CTX_VISION": 2,
        # The words before the class name. They do not learn.
        "CTX_INIT": "a photo of a",
        # What the frozen encoders compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # The layers that have prompts: 1 is VPT-shallow, all of them VPT-deep.
        "PROMPT_DEPTH_VISION": 1,
    }

    def check_cfg(self, cfg: Any) -> None:
        super().check_cfg(cfg)
        self.check_at_least(cfg, "N_CTX_VISION", 1)
        self.check_at_least(cfg, "PROMPT_DEPTH_VISION", 1)

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        options = self.options
        prompts = VisualPrompts(clip, options.PROMPT_DEPTH_VISION, options.N_CTX_VISION)
        words = options.CTX_INIT.replace("_", " ")
        texts = PromptedTexts(clip, context_texts(classnames, words, count=0))
        return PromptedClassifier(clip, texts, VisualPromptLearner(prompts))
