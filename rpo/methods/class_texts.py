"""CLIP's own features of class texts, which nothing changes: one text a class, or several."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rpo.attention import own_text_features
from rpo.clip.load import Clip
from rpo.clip.texts import listed
from rpo.clip.towers import text_tower


class ClassTexts:
    """The text encoder on the texts of classes.

    Args:
        texts: one a class; or several lists of them, whose features are averaged.
    """

    def __init__(self, clip: Clip, texts: Sequence[Any]) -> None:
        self.clip, self.tower = clip, text_tower(clip)
        found = listed(texts)
        self.lists = [found] if isinstance(found[0], str) else [listed(one) for one in found]

    def mean(self) -> Tensor:
        """(classes, embedding): features averaged as they are."""
        return torch.stack([self.encode(texts) for texts in self.lists]).mean(dim=0)

    def unit_mean(self) -> Tensor:
        """(classes, embedding): of unit length before and after they are averaged."""
        units = [normalize(self.encode(texts), dim=-1) for texts in self.lists]
        return normalize(torch.stack(units).mean(dim=0), dim=-1)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Features (texts, embedding)."""
        device = self.clip.logit_scale.device
        ids, lengths = (part.to(device) for part in self.tower.tokenize(texts))
        return own_text_features(self.tower, ids, lengths)
