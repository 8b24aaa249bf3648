"""CLIP-LoRA. Zanella, Ben Ayed: Low-Rank Few-Shot Adaptation of Vision-Language Models, CVPR 2024
Workshops, https://arxiv.org/abs/2405.18541.

Low-rank updates of the attention's matrices in both encoders: for queries, keys and values W
becomes W + gamma B A, with A (r, width) random and B (width, r) zero at the start.

As in the released program, gamma is alpha / sqrt(r), where LoRA has alpha / r; every matrix has
dropout of its own before A; and all datasets have the text "a photo of a {}.". One fault of the
program is not here: of the 24 layers of ViT-L/14, its "all" are 21.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from rpo.clip.blocks import Block
from rpo.clip.load import Clip
from rpo.clip.towers import Tower
from rpo.methods import settings
from rpo.methods.base import Method, cosine_logits
from rpo.methods.prompted import PromptedImages, PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

PROJECTIONS = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "proj"}
# From which share of the layers to which.
POSITIONS = {
    "all": (0, 1),
    "bottom": (0, 1 / 3),
    "mid": (1 / 3, 2 / 3),
    "up": (2 / 3, 1),
    "half-bottom": (0, 1 / 2),
    "half-up": (1 / 2, 1),
}


@dataclass(frozen=True)
class Settings(settings.Settings):
    r: int = setting(2, "Rank of the updates.", at_least=1)
    alpha: int = setting(1, "The updates are scaled by alpha / sqrt(r).", at_least=1)
    dropout_rate: float = setting(0.25, "Of what goes into the updates in training.", at_least=0)
    encoder: str = setting("both", "Which is updated.", choices=("both", "text", "vision"))
    params: str = setting("q k v", "Which matrices: some of q k v o, with spaces.")
    position: str = setting("all", "Which layers.", choices=tuple(POSITIONS))
    n_iters: int = setting(
        0,
        "Training steps for each shot, at a rate that falls in a cosine over all of them. 0: by "
        "OPTIM, as for other methods.",
        at_least=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.params.split() or not set(self.params.split()) <= PROJECTIONS.keys():
            raise ValueError(f'params is "{self.params}"; it can be some of q k v o, with spaces')
        if self.dropout_rate >= 1:
            raise ValueError(f"dropout_rate is {self.dropout_rate}; it must be below 1")


class LowRank(nn.Module):
    """`w_lora_A` (r, width) and `w_lora_B` (width, r): what is added to the output of a matrix."""

    def __init__(self, width: int, chosen: Settings) -> None:
        super().__init__()
        self.w_lora_A = nn.Parameter(torch.empty(chosen.r, width).uniform_(-1, 1) / width**0.5)
        self.w_lora_B = nn.Parameter(torch.zeros(width, chosen.r))
        self.rate, self.scale = chosen.dropout_rate, chosen.alpha / chosen.r**0.5

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., width) to (..., width)."""
        reduced = linear(dropout(tokens.float(), self.rate, self.training), self.w_lora_A)
        return self.scale * linear(reduced, self.w_lora_B).to(tokens.dtype)


@dataclass(frozen=True)
class Updated:
    """A block's matrices with what is added to each; CLIP's own module stays as it is.

    Attributes:
        updates: by the matrix's name.
    """

    block: Block
    updates: nn.ModuleDict

    def project(self, tokens: Tensor, parts: slice) -> Tensor:
        """As of `Block`."""
        names = ("q_proj", "k_proj", "v_proj")[parts]
        projected = self.block.project(tokens, parts).chunk(len(names), dim=-1)
        pairs = zip(projected, names, strict=True)
        return torch.cat([own + self.added(name, tokens) for own, name in pairs], dim=-1)

    def out(self, attended: Tensor) -> Tensor:
        """As of `Block`."""
        return self.block.out(attended) + self.added("proj", attended)

    def added(self, name: str, tokens: Tensor) -> Tensor | int:
        return self.updates[name](tokens) if name in self.updates else 0


class CLIPLoRA(Method):
    """Learns `layer_<i>.<q_proj, k_proj, v_proj or proj>.<w_lora_A or w_lora_B>`.

    Layers are counted from 0 through those that are updated, first the text encoder's. Updates stay
    float32.
    """

    traits = Traits(order=110, colour="#e31a1c", marker="8", folder="cliplora")
    prompt = "a photo of a {}."
    takes = "texts"
    Settings = Settings

    def __init__(
        self, clip: Clip, texts: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        # A row for each class: in a shared one, classes would share what dropout leaves out.
        self.texts = PromptedTexts(clip, texts, own_prompts=True)
        self.images: PromptedImages | None = None
        self.layers = nn.ModuleDict()
        if self.settings.encoder != "vision":
            self.update(self.texts.tower)
        self.text_parameters = list(self.layers.parameters())
        if self.settings.encoder != "text":
            self.images = PromptedImages(clip)
            self.update(self.images.tower)

    def update(self, tower: Tower) -> None:
        """Gives some of a tower's blocks an update each."""
        width, blocks = tower.start_token.shape[-1], list(tower.blocks)
        start, end = POSITIONS[self.settings.position]
        for index in range(round(start * len(blocks)), round(end * len(blocks))):
            names = [PROJECTIONS[name] for name in self.settings.params.split()]
            updates = nn.ModuleDict({name: LowRank(width, self.settings) for name in names})
            self.layers[f"layer_{len(self.layers)}"] = updates
            added = Updated(blocks[index], updates)
            blocks[index] = replace(blocks[index], project=added.project, out=added.out)
        tower.blocks = blocks

    def learner(self) -> nn.Module:
        return self.layers

    def forward(self, images: Tensor) -> Tensor:
        sources = [self.texts.ids, *self.text_parameters]
        texts = self.remembered.get(lambda: self.texts([]), sources)
        features = self.images(images, []) if self.images else self.own_image_features(images)
        return cosine_logits(features, texts, self.clip)
