"""A CLIP of another library, seen as OpenAI's: what a family adds is two towers and a tokenizer."""

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.preprocessing import Preprocessing
from rpo.clip.texts import Tokenizer
from rpo.clip.towers import ImageTower, TextTower

LOW = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Backbone(nn.Module):
    """The library's own module, which is never changed, and views of it.

    Args:
        model: of the library.
        tokenizer: of its texts.
        preprocessing: of its images.

    Attributes:
        sha256: of all tensors in float32, with their names; whatever file they came from.
    """

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, preprocessing: Preprocessing):
        super().__init__()
        self.model: Any = model.float().eval().requires_grad_(False)
        self.tokenizer, self.preprocessing = tokenizer, preprocessing
        self.sha256 = tensors_sha256(self.model)

    @property
    def logit_scale(self) -> Tensor:
        """Logarithm of what similarities are multiplied by."""
        return self.model.logit_scale

    @property
    def logit_bias(self) -> Tensor | None:
        """What SigLIP adds to them."""
        return getattr(self.model, "logit_bias", None)

    def convert(self, precision: str) -> None:
        """To one of `rpo.clip.precision.PRECISIONS`, in place; scale and bias stay float32."""
        if precision in LOW:
            kept = [each for each in (self.logit_scale, self.logit_bias) if each is not None]
            values = [each.data for each in kept]
            self.model.to(LOW[precision])
            for parameter, value in zip(kept, values, strict=True):
                parameter.data = value

    def image_tower(self) -> ImageTower:
        """Raises ValueError where prompts cannot read the image encoder."""
        raise NotImplementedError

    def text_tower(self) -> TextTower:
        """Raises ValueError where prompts cannot read the text encoder."""
        raise NotImplementedError

    def encode_image(self, images: Tensor) -> Tensor:
        """The library's own features (batch, embedding)."""
        raise NotImplementedError

    def encode_text(self, ids: Tensor) -> Tensor:
        """The library's own features (texts, embedding) of ids (texts, context)."""
        raise NotImplementedError


def tensors_sha256(module: nn.Module) -> str:
    """In hexadecimal, of the tensors of a module in the order of their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
