"""2SFS. Farina, Mancini, Iacca, Ricci: Rethinking Few-Shot Adaptation of Vision-Language Models in
Two Stages, CVPR 2025, https://arxiv.org/abs/2503.11609.

First the layer normalisations of both encoders learn, with the classes told by their texts; then
these stay, and a linear classifier learns that starts as the text features. In the end classes that
were trained on are told by their rows of the classifier, others by their text.

As in the released program, only the normalisations within layers learn, not those before and behind
all layers. Its fault that classes of one name, of which ImageNet has two pairs, share a row in
tests is here only where the classes are not just those of the training.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, normalize

from rpo.clip.blocks import Block
from rpo.clip.load import Clip
from rpo.clip.texts import listed
from rpo.clip.towers import Tower
from rpo.methods import settings
from rpo.methods.base import Method, cosine_logits
from rpo.methods.known import KnownTexts
from rpo.methods.prompted import PromptedImages, PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    ln_modality: str = setting(
        "both", "The encoders whose normalisations learn.", choices=("both", "text", "vision")
    )
    ln_text_start: int = setting(0, "The first layer of the text encoder that learns.", at_least=0)
    ln_vision_start: int = setting(0, "Likewise of the image encoder.", at_least=0)
    n_iters_frac: float = setting(0.6, "The first stage's share of the training.", at_least=0)
    n_iters: int = setting(
        0,
        "Training steps for each shot, of both stages, each at a rate that falls in a cosine. 0: "
        "by OPTIM, as for other methods.",
        at_least=0,
    )

    def first_stage(self, steps: int) -> int:
        """How many of all steps it has."""
        return int(steps * self.n_iters_frac)


class Norm(nn.Module):
    """A normalisation that starts as a layer's own; it computes in float32."""

    def __init__(self, own: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(own.weight.detach().float().clone())
        self.bias = nn.Parameter(own.bias.detach().float().clone())
        self.eps = own.eps

    def forward(self, tokens: Tensor) -> Tensor:
        normed = layer_norm(tokens.float(), self.weight.shape, self.weight, self.bias, self.eps)
        return normed.to(tokens.dtype)


class Learner(nn.Module):
    """`text` and `vision`, `norm_1` and `norm_2` by the layer; `classifier` (classes, embedding).

    Attributes:
        stage: 1 or 2. In the first one the classifier means nothing.
        known: the texts of its classes.
    """

    stage: Tensor
    rows = ("classifier",)  # see `rpo.checkpoints.load_parameters`

    def __init__(self, texts: Sequence[str], embedding: int) -> None:
        super().__init__()
        self.text, self.vision = nn.ModuleDict(), nn.ModuleDict()
        self.classifier = nn.Parameter(torch.zeros(len(texts), embedding))
        self.known = KnownTexts(texts)
        self.register_buffer("stage", torch.tensor(1))


class TwoStage(Method):
    """Learns what `Learner` says."""

    traits = Traits(order=120, colour="#f781bf", marker="_", folder="two_stage")
    Settings = Settings
    prompt = "a photo of a {}."
    takes = "texts"

    def __init__(
        self, clip: Clip, texts: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        chosen = self.settings
        self.own_texts = texts = listed(texts)
        self.texts, self.images = PromptedTexts(clip, texts), PromptedImages(clip)
        self.prompt_learner = Learner(texts, self.texts.tower.embedding_size)
        if chosen.ln_modality != "vision":
            learn_norms(self.texts.tower, self.prompt_learner.text, chosen.ln_text_start)
        if chosen.ln_modality != "text":
            learn_norms(self.images.tower, self.prompt_learner.vision, chosen.ln_vision_start)

    def learner(self) -> nn.Module:
        return self.prompt_learner

    @property
    def classifies(self) -> bool:
        """Whether the second stage has begun."""
        return int(self.prompt_learner.stage) == 2

    def begin_step(self, step: int, steps: int) -> None:
        if step == self.settings.first_stage(steps) and not self.classifies:
            with torch.no_grad():
                start = normalize(self.texts([]).float(), dim=-1)
                self.prompt_learner.classifier.copy_(start)
                self.prompt_learner.stage.fill_(2)

    def forward(self, images: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.classifies):
            features = self.images(images, [])
        learner = self.prompt_learner
        sources = [learner.stage, learner.classifier, *learner.text.parameters()]
        return cosine_logits(features, self.remembered.get(self.classes, sources), self.clip)

    def classes(self) -> Tensor:
        """What tells the classes, (classes, embedding): rows of the classifier or texts."""
        known = self.prompt_learner.known.texts() if self.classifies else []
        if known == self.own_texts:
            return self.prompt_learner.classifier
        features = normalize(self.texts([]).float(), dim=-1)
        places = {text: row for row, text in enumerate(known)}
        for label, text in enumerate(self.own_texts):
            if text in places:
                row = self.prompt_learner.classifier[places[text]]
                features = features.index_copy(0, self.texts.ends.new_tensor([label]), row[None])
        return features


def learn_norms(tower: Tower, norms: nn.ModuleDict, start: int) -> None:
    """Gives a tower's blocks, from `start` on, normalisations of its own; CLIP's stay as they are.

    Args:
        norms: gets them, by the layer.
    """

    def learning(index: int, block: Block) -> Block:
        pair = nn.ModuleDict({name: Norm(getattr(block, name)) for name in ("norm_1", "norm_2")})
        norms[str(index)] = pair
        return replace(block, **pair)

    blocks = list(enumerate(tower.blocks))
    tower.blocks = [learning(i, block) if i >= start else block for i, block in blocks]
