"""CLIP as a classifier, with or without prompts: logit = exp(logit_scale) <image, text>."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.clip.load import Clip
from rpo.clip.precision import autocast_dtype
from rpo.prompted import PromptedImages, PromptedTexts


class Prompts(Protocol):
    """What learns: prompts (count, width) of the first layer, then of the next ones, if any."""

    def text_prompts(self) -> Sequence[Tensor]: ...

    def visual_prompts(self) -> Sequence[Tensor]: ...


class Classifier(nn.Module):
    """A frozen CLIP and its class texts. Subclasses add what learns."""

    def __init__(self, clip: Clip, texts: PromptedTexts) -> None:
        super().__init__()
        self.clip: Clip = clip.requires_grad_(False)
        self.texts = texts
        self.remembered = Remembered()

    @torch.no_grad()
    def own_image_features(self, images: Tensor) -> Tensor:
        """CLIP's own features, (batch, embedding)."""
        return self.clip.encode_image(images)

    def text_features(self, prompts: Sequence[Tensor] = ()) -> Tensor:
        """(classes, embedding), computed once per state of the prompts outside of training."""
        return self.remembered.get(lambda: self.texts(prompts), [self.texts.ids, *prompts])


class PromptedClassifier(Classifier):
    """Prompts in the text encoder, the image encoder, or both."""

    def __init__(self, clip: Clip, texts: PromptedTexts, prompt_learner: Any) -> None:
        super().__init__(clip, texts)
        self.prompt_learner = prompt_learner
        self.images = PromptedImages(clip) if prompt_learner.visual_prompts() else None

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) for images (batch, 3, height, width)."""
        text_features = self.text_features(self.prompt_learner.text_prompts())
        return cosine_logits(self.image_features(images), text_features, self.clip.logit_scale)

    def image_features(self, images: Tensor) -> Tensor:
        """(batch, embedding)."""
        if self.images is None:
            return self.own_image_features(images)
        return self.images(images, self.prompt_learner.visual_prompts())


def cosine_logits(image_features: Tensor, text_features: Tensor, logit_scale: Tensor) -> Tensor:
    """Logits (batch, classes) in float32, whatever the encoders compute in.

    Args:
        image_features: (batch, embedding), of any length.
        text_features: (classes, embedding), or (batch, classes, embedding) where every image has
            texts of its own; of any length.
    """
    with torch.autocast(image_features.device.type, enabled=False):
        images = normalize(image_features.float(), dim=-1)[:, None]
        texts = normalize(text_features.float(), dim=-1)
        similarities = (images @ texts.transpose(-1, -2)).squeeze(1)
        return logit_scale.exp().float() * similarities


class Remembered:
    """The last result of a computation, for as long as what it is made from stays the same.

    Where a gradient may have to flow through the result, it is computed anew every time.
    """

    result: Tensor | None = None

    def get(self, compute: Callable[[], Tensor], sources: Sequence[Tensor]) -> Tensor:
        """`compute()`, or what it gave when `sources` had the same values."""
        if torch.is_grad_enabled() and any(source.requires_grad for source in sources):
            return compute()
        if self.result is None or not self._fits(sources):
            with torch.inference_mode(False), torch.no_grad():  # a training step may use it too
                self.result = compute()
                self.sources = [source.detach().clone() for source in sources]
                self.precision = autocast_dtype(self.result.device)
        return self.result

    def _fits(self, sources: Sequence[Tensor]) -> bool:
        return self.precision == autocast_dtype(sources[0].device) and all(
            old.device == new.device and torch.equal(old, new)
            for old, new in zip(self.sources, sources, strict=True)
        )
