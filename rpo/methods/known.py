"""Which classes something was trained on: their texts, kept beside what was learnt."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

SEPARATOR = "\n"


class KnownTexts(nn.Module):
    """`class_texts`, the texts of the classes as bytes: (bytes,). Loaded ones take their place."""

    class_texts: Tensor
    rows = ("class_texts",)  # see `rpo.checkpoints.load_parameters`

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__()
        encoded = torch.tensor(list(SEPARATOR.join(texts).encode()), dtype=torch.uint8)
        self.register_buffer("class_texts", encoded)

    def texts(self) -> list[str]:
        """In the order of the classes; none where what was loaded does not say."""
        encoded = bytes(self.class_texts.tolist())
        return encoded.decode().split(SEPARATOR) if encoded else []
