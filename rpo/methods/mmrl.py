"""MMRL. Guo, Gu: Multi-Modal Representation Learning for Vision-Language Models, CVPR 2025,
https://arxiv.org/abs/2503.08497.

Learnt tokens R, projected into the upper layers of both encoders, where they stand behind CLS and
behind SOT; those of images have a projection of their own into the joint space. With v the image's
feature, r that of the mean of its tokens, t the text's, z and z_r their logits, and v0, t0 those of
the frozen CLIP, training lowers

    A CE(z) + (1 - A) CE(z_r) + W (1 - mean cos(v, v0)) + W (1 - mean cos(t, t0)).

Classes that were trained on are told by A z + (1 - A) z_r, all others by z alone.

As in the released program, the mean of tokens is taken behind the last normalisation, and the new
projection starts at random. Its fault that text features of the first test are kept for all later
ones is not here. W and, for EuroSAT, the width of R differ by dataset in the published numbers, and
how they were chosen is not said: here they are one for all, and the preset rpo-paper has theirs.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import Method, cosine_logits
from rpo.methods.context import CONTEXT_STD
from rpo.methods.inserted import UpperImages, UpperTexts
from rpo.methods.known import KnownTexts
from rpo.methods.references import References
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    alpha: float = setting(0.7, "A, what the logits of CLIP's own projection count.", at_least=0)
    reg_weight: float = setting(1.0, "W, of the distance to CLIP's own features.", at_least=0)
    rep_layers: tuple[int, ...] = setting(
        (6, 7, 8, 9, 10, 11, 12),
        "The layers that have tokens, counted from 1, one after the other. Those that an encoder "
        "lacks are left out; if it lacks all of them, its last has tokens.",
    )
    rep_dim: int = setting(512, "Width of the tokens before they are projected.", at_least=1)
    n_rep_tokens: int = setting(5, "Tokens.", at_least=1)
    heads: str = setting(
        "known",
        "Which logits tell the classes: both for classes that were trained on and the plain ones "
        "for others (known); or always both, or always the plain ones.",
        choices=("known", "both", "plain"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        layers = list(self.rep_layers)
        if not layers or layers != list(range(layers[0], layers[0] + len(layers))) or layers[0] < 1:
            raise ValueError(f"rep_layers is {layers}; it must be one or more like [6, 7, 8]")


class Representations(nn.Module):
    """`compound_rep_tokens` (count, REP_DIM), and a projection to each encoder for every layer."""

    def __init__(self, chosen: Settings, layers: int, visual_width: int, text_width: int) -> None:
        super().__init__()
        start = CONTEXT_STD * torch.randn(chosen.n_rep_tokens, chosen.rep_dim)
        self.compound_rep_tokens = nn.Parameter(start)
        to_images, to_texts = (nn.Linear(chosen.rep_dim, w) for w in (visual_width, text_width))
        self.compound_rep_tokens_r2vproj = copies(to_images, layers)
        self.compound_rep_tokens_r2tproj = copies(to_texts, layers)

    def of(self, projections: nn.ModuleList) -> list[Tensor]:
        """(count, width) of each layer."""
        return [projection(self.compound_rep_tokens) for projection in projections]


def copies(module: nn.Module, count: int) -> nn.ModuleList:
    """The same at the start."""
    return nn.ModuleList(copy.deepcopy(module) for _ in range(count))


class Learner(nn.Module):
    """`representation_learner`, and `image_encoder.proj_rep` (visual width, embedding)."""

    def __init__(self, representations: Representations, projection: Tensor, known: KnownTexts):
        super().__init__()
        self.representation_learner = representations
        self.image_encoder = nn.ParameterDict({"proj_rep": nn.Parameter(projection)})
        self.known = known


class MMRL(Method):
    """Learns what `Learner` says, and keeps the texts of the classes that it was trained on."""

    traits = Traits(order=100, colour="#33a02c", marker="*", folder="mmrl")
    Settings = Settings
    takes = "texts"
    unused = ("prompt_embeddings", "representation_learner.prompt_embeddings")

    def __init__(
        self, clip: Clip, texts: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        self.texts, self.images = UpperTexts(clip, texts), UpperImages(clip)
        towers = self.texts.tower, self.images.tower
        depth = min(len(tower.blocks) for tower in towers)
        layers = [each for each in self.settings.rep_layers if each <= depth] or [depth]
        self.texts.below = self.images.below = layers[0] - 1
        text_width, width = (tower.start_token.shape[-1] for tower in towers)
        representations = Representations(self.settings, len(layers), width, text_width)
        projection = torch.randn(width, self.texts.tower.embedding_size) / width**0.5
        self.prompt_learner = Learner(representations, projection, KnownTexts(texts))
        self.own_texts, self.references = list(texts), References(clip, texts)
        self.fixed: bool | None = None  # what `uses_both` says

    def learner(self) -> nn.Module:
        return self.prompt_learner

    def forward(self, images: Tensor) -> Tensor:
        plain, own, _ = self.logits(self.images.lower(images))
        return self.fused(plain, own) if self.uses_both() else plain

    def uses_both(self) -> bool:
        """Whether both logits tell these classes."""
        if self.fixed is not None:
            return self.fixed
        if self.settings.heads != "known":
            return self.settings.heads == "both"
        return set(self.own_texts) <= set(self.prompt_learner.known.texts())

    def fix(self) -> None:
        super().fix()
        self.fixed = self.uses_both()

    def fused(self, plain: Tensor, own: Tensor) -> Tensor:
        """Both logits, weighted."""
        return self.settings.alpha * plain + (1 - self.settings.alpha) * own

    def logits(self, lower: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """z, z_r (batch, classes), and the features of images and texts behind z.

        Args:
            lower: the tokens of images as they come to the first layer with learnt ones.
        """
        learnt = self.prompt_learner.representation_learner
        deep = learnt.of(learnt.compound_rep_tokens_r2tproj)
        texts = self.remembered.get(lambda: self.texts(deep), [self.texts.ids, *deep])
        projection = self.prompt_learner.image_encoder["proj_rep"]
        tokens = learnt.of(learnt.compound_rep_tokens_r2vproj)
        images, represented = self.images.upper(lower, tokens, projection)
        plain, own = (cosine_logits(each, texts, self.clip) for each in (images, represented))
        return plain, own, [images, texts]

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        lower = self.images.lower(images)
        plain, own, (image_features, text_features) = self.logits(lower)
        similarity = cosine_similarity(image_features.float(), self.images.own(lower).float())
        held = 1 - similarity.mean() + self.references.distance(text_features)
        fit = self.fused(cross_entropy(plain, labels), cross_entropy(own, labels))
        return fit + self.settings.reg_weight * held, self.fused(plain, own)
