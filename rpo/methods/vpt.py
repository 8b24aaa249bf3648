"""VPT. Jia, Tang, Chen, Cardie, Belongie, Hariharan, Lim: Visual Prompt Tuning, ECCV 2022,
https://arxiv.org/abs/2203.12119; for CLIP, and under these names, in the program of MaPLe.

Prompts among the image tokens: of the first layer (shallow), or fresh ones in each of several
layers (deep). The class texts stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.clip.towers import image_tower
from rpo.methods import settings
from rpo.methods.context import CONTEXT_STD
from rpo.methods.prompted import PromptedMethod, PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx_vision: int = setting(2, "Prompts a layer.", at_least=1)
    prompt_depth_vision: int = setting(
        1, "The layers that have prompts: 1 is VPT-shallow, all of them VPT-deep.", at_least=1
    )


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
        tower = image_tower(clip)
        width = len(tower.start_token)
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


class VPT(PromptedMethod):
    """Learns the prompts of the image encoder.

    Two differences from the original program: prompts stay float32 where it rounds them to half
    precision, and they are drawn at another point of the random stream.
    """

    traits = Traits(order=70, colour="#cc79a7", marker="v", folder="vpt")
    Settings = Settings
    takes = "texts"
    prompt = "a photo of a {}."

    def __init__(
        self, clip: Clip, texts: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        chosen = self.settings
        prompts = VisualPrompts(clip, chosen.prompt_depth_vision, chosen.n_ctx_vision)
        self.use(PromptedTexts(clip, texts), VisualPromptLearner(prompts))
