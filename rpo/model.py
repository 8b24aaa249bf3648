"""RPO: prompts and towers to logits (RPO, equations of section 3).

This is the fast form; `rpo.masked` is the definition that it equals. Both give

    logit(image, class) = mean over k of exp(logit_scale) <v_k, t_k>

where v_k and t_k are the unit-length outputs of visual prompt k and text prompt k: prompt k only
ever meets prompt k.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.checkpoint import checkpoint

from rpo.attention import (
    FrozenLayer,
    frozen_layers,
    read_only_pass,
    visible_tokens,
)
from rpo.clip.load import Clip
from rpo.clip.precision import autocast_dtype
from rpo.clip.texts import tokenize
from rpo.clip.towers import ImageTower, TextTower
from rpo.memory import classes_at_once
from rpo.prompts import PromptLearner

# Which prompts are learnt. `text`: text prompts against CLIP's own image feature;
# `visual`: visual prompts against CLIP's own text feature (the uni-modal ablations).
MODALITIES = ("both", "text", "visual")


class ReadOnlyModel(nn.Module):
    """A frozen CLIP with read-only prompts for one list of class texts.

    Args:
        clip: an OpenAI CLIP with a vision transformer; it is read, never changed.
        texts: one per class.
        prompt_learner: the only thing that learns.
        modality: one of MODALITIES.
        text_chunk: classes per block of the text side; 0 chooses by the device's memory. Only
            with several blocks is each computed anew in the backward pass instead of kept.
    """

    ids: Tensor
    lengths: Tensor
    _text_layers: dict[torch.dtype | None, list[FrozenLayer]]
    _text_features_of: tuple[Tensor, Tensor] | None

    def __init__(
        self,
        clip: Clip,
        texts: Sequence[str],
        prompt_learner: PromptLearner,
        modality: str = "both",
        text_chunk: int = 0,
    ) -> None:
        super().__init__()
        self.clip: Clip = clip.requires_grad_(False)
        self.image_tower = ImageTower(clip)
        self.text_tower = TextTower(clip)
        self.prompt_learner = prompt_learner
        self.modality = modality
        self.text_chunk = text_chunk
        # An attribute, so that `rpo.compilation` can put a compiled one in its place.
        self.read_layers = read_only_pass
        self.texts = list(texts)
        ids, lengths = tokenize(texts, clip.context_length)
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("lengths", lengths, persistent=False)
        self._forget()

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) in float32 for images (batch, 3, height, width)."""
        return self.logits(self.image_features(images), self.cached_text_features())

    def logits(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """(batch, classes) from (batch, K, embedding) and (classes, K, embedding)."""
        prompts = max(image_features.shape[1], text_features.shape[1])
        with torch.autocast(image_features.device.type, enabled=False):  # the mean stays float32
            similarities = torch.einsum("bkd,ckd->bc", image_features, text_features) / prompts
            return self.clip.logit_scale.exp().float() * similarities

    def image_features(self, images: Tensor) -> Tensor:
        """(batch, K, embedding) of unit length; K is 1 where images have no prompts."""
        if self.modality == "text":
            return _unit(self._own_image_feature(images))
        return _unit(self.image_tower.project(self.read_images(images)))

    def text_features(self) -> Tensor:
        """(classes, K, embedding) of unit length; K is 1 where texts have no prompts."""
        if self.modality == "visual":
            return _unit(self._own_text_feature())
        return _unit(self.text_tower.project(self.read_texts()))

    def cached_text_features(self) -> Tensor:
        """`text_features`, computed once per state of the prompts where no gradient is wanted."""
        if torch.is_grad_enabled():
            return self.text_features()
        prompts = self.prompt_learner.text_prompt
        if self._text_features_of is None or not torch.equal(self._text_features_of[0], prompts):
            self._text_features_of = (prompts.clone(), self.text_features())
        return self._text_features_of[1]

    def read_images(self, images: Tensor) -> Tensor:
        """The visual prompts after the last layer, (batch, K, visual width)."""
        tokens = self.image_tower.embed(images)
        prompts = self.image_tower.embed_prompts(self.prompt_learner.img_prompt)
        return read_only_pass(frozen_layers(self.image_tower.blocks, tokens), prompts)

    def read_texts(self) -> Tensor:
        """The text prompts after the last layer, (classes, K, text width)."""
        prompts = self.text_tower.embed_prompts(self.prompt_learner.text_prompt)
        size = self.text_chunk or self._classes_at_once(prompts)
        blocks = [slice(start, start + size) for start in range(0, len(self.ids), size)]
        if len(blocks) == 1:
            return self._read_block(prompts, blocks[0])
        read_twice = partial(checkpoint, self._read_block, prompts, use_reentrant=False)
        return torch.cat([read_twice(block) for block in blocks])

    def _read_block(self, prompts: Tensor, classes: slice) -> Tensor:
        """`prompts` (1, K, text width) read some of the class texts."""
        layers = [
            FrozenLayer(layer.block, layer.keys[classes], layer.values[classes])
            for layer in self.text_layers()
        ]
        visible = visible_tokens(self.lengths[classes], self.ids.shape[1])
        return self.read_layers(layers, prompts, visible)

    def _classes_at_once(self, prompts: Tensor) -> int:
        layers = len(self.text_tower.blocks)
        _, count, width = prompts.shape
        return classes_at_once(count, layers, width, prompts.element_size(), prompts.device)

    def text_layers(self) -> list[FrozenLayer]:
        """Keys and values of the class texts: the same for the whole run, computed once."""
        precision = autocast_dtype(self.ids.device)
        if precision not in self._text_layers:
            with torch.inference_mode(False):  # so that a later training step may use them too
                tokens = self.text_tower.embed(self.ids)
                layers = frozen_layers(self.text_tower.blocks, tokens, causal=True)
                self._text_layers[precision] = [_own_memory(layer) for layer in layers]
        return self._text_layers[precision]

    def _forget(self) -> None:
        """Drops what was computed once."""
        self._text_layers = {}
        self._text_features_of = None

    def _apply(self, *args: Any, **options: Any) -> "ReadOnlyModel":
        """PyTorch's hook behind `.to()` and its like: what is kept would stay behind."""
        self._forget()
        return super()._apply(*args, **options)

    @torch.no_grad()
    def _own_image_feature(self, images: Tensor) -> Tensor:
        """CLIP's image features, (batch, 1, embedding)."""
        return self.clip.encode_image(images)[:, None]

    @torch.no_grad()
    def _own_text_feature(self) -> Tensor:
        """CLIP's text features, (classes, 1, embedding)."""
        return self.text_tower.encode(self.ids, self.lengths)[:, None]


def _own_memory(layer: FrozenLayer) -> FrozenLayer:
    """A copy: as views of one projection, keys and values would keep the queries in memory."""
    return FrozenLayer(layer.block, layer.keys.contiguous(), layer.values.contiguous())


def _unit(features: Tensor) -> Tensor:
    """To unit length, in float32 whatever the towers compute in."""
    return normalize(features.float(), dim=-1)
