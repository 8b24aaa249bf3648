"""CLIP's own features of class texts, which nothing changes: one text a class, or several."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.clip.load import Clip
from rpo.clip.texts import tokenize
from rpo.clip.towers import TextTower


class ClassTexts(nn.Module):
    """The text encoder on the texts of classes.

    Args:
        texts: one a class; or several lists of them, whose features are averaged.
    """

    def __init__(self, clip: Clip, texts: Sequence[Any]) -> None:
        super().__init__()
        self.tower, self.context_length = TextTower(clip), clip.context_length
        self.lists = [list(texts)] if isinstance(texts[0], str) else [list(one) for one in texts]

    def mean(self) -> Tensor:
        """(classes, embedding): features averaged as they are."""
        return torch.stack([self.encode(texts) for texts in self.lists]).mean(dim=0)

    def unit_mean(self) -> Tensor:
        """(classes, embedding): of unit length before and after they are averaged."""
        units = [normalize(self.encode(texts), dim=-1) for texts in self.lists]
        return normalize(torch.stack(units).mean(dim=0), dim=-1)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Features (texts, embedding)."""
        device = self.tower.text_projection.device
        ids, lengths = (part.to(device) for part in tokenize(texts, self.context_length))
        return self.tower.encode(ids, lengths)
