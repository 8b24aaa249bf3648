"""What prompts are held near: CLIP's own features of hand-written class texts."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from rpo.clip.load import Clip
from rpo.clip.texts import class_texts, listed
from rpo.methods.base import Remembered
from rpo.methods.prompted import PromptedTexts

PLAIN = "a photo of a {}."


def names_and_texts(classes: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Of a method that `takes` "both": names and texts, or names alone, for a plain text each."""
    found = listed(classes)
    if isinstance(found[0], str):
        return found, class_texts(found, PLAIN, "{}")
    names, texts = found
    return list(names), list(texts)


class References:
    """Frozen features of class texts, computed once, when they are first needed.

    Args:
        lists: one text a class, for each template; the features of templates are averaged.
    """

    def __init__(self, clip: Clip, *lists: Sequence[str]) -> None:
        self.clip, self.lists = clip, lists
        self.remembered = Remembered()

    def features(self) -> Tensor:
        """(classes, embedding) in float32, of the length that CLIP gives them."""
        return self.remembered.get(self._encode, [self.clip.logit_scale.detach().float()])

    def _encode(self) -> Tensor:
        device = self.clip.logit_scale.device
        encoders = (PromptedTexts(self.clip, texts).to(device) for texts in self.lists)
        return torch.stack([encode([]).float() for encode in encoders]).mean(dim=0)

    def distance(self, text_features: Tensor) -> Tensor:
        """One minus the mean cosine, (), to features (classes, embedding) of the same classes."""
        return 1 - cosine_similarity(text_features.float(), self.features(), dim=-1).mean()
