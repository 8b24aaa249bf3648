"""The encoders of transformers' CLIP and SigLIP."""

from typing import Any

import torch
from torch import Tensor

from rpo.clip.blocks import Block, PoolingHead, fused, identity, separate
from rpo.clip.towers import ImageTower, TextTower, first_of


def block(layer: Any) -> Block:
    """A layer of an encoder of transformers."""
    attention, mlp = layer.self_attn, layer.mlp
    quick = type(mlp.activation_fn).__name__ == "QuickGELUActivation"
    return Block(
        norm_1=layer.layer_norm1,
        project=separate([attention.q_proj, attention.k_proj, attention.v_proj]),
        heads=attention.num_heads,
        out=attention.out_proj,
        norm_2=layer.layer_norm2,
        mlp=mlp,
        quick_gelu=(mlp.fc1, mlp.fc2) if quick else None,
    )


class ClipImageTower(ImageTower):
    """The vision transformer of `CLIPModel`."""

    def __init__(self, model: Any) -> None:
        self.vision, self.projection = model.vision_model, model.visual_projection
        self.blocks = [block(layer) for layer in self.vision.encoder.layers]

    @property
    def start_token(self) -> Tensor:
        """(width,) the embedding of CLS."""
        return self.vision.embeddings.class_embedding

    @property
    def dtype(self) -> torch.dtype:
        return self.projection.weight.dtype

    def embed(self, images: Tensor) -> Tensor:
        return self.vision.pre_layrnorm(self.vision.embeddings(images))

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        return self.vision.pre_layrnorm(prompts.to(self.dtype))[None]

    def project(self, tokens: Tensor) -> Tensor:
        return self.projection(self.vision.post_layernorm(tokens))


class SiglipImageTower(ImageTower):
    """The encoder of `SiglipModel`, as its pooling head: no CLS, a learnt probe."""

    class_tokens = 0

    def __init__(self, vision: Any) -> None:
        """Raises ValueError for an encoder without a head."""
        if not getattr(vision, "use_head", True):
            raise ValueError("this SigLIP has no head that pools its patches")
        self.vision, self.head = vision, vision.head
        self.blocks = [
            PoolingHead(
                norm_1=identity,
                project=fused(self.head.attention),
                heads=self.head.attention.num_heads,
                out=self.head.attention.out_proj,
                norm_2=self.head.layernorm,
                mlp=self.head.mlp,
            )
        ]

    @property
    def start_token(self) -> Tensor:
        """(width,) the probe."""
        return self.head.probe[0, 0]

    @property
    def dtype(self) -> torch.dtype:
        return self.head.probe.dtype

    def embed(self, images: Tensor) -> Tensor:
        """(batch, patches, width), as the head reads them."""
        return self.vision(pixel_values=images).last_hidden_state

    def reader(self, tokens: Tensor) -> Tensor:
        return self.start_token.expand(len(tokens), 1, -1)

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        return prompts.to(self.dtype)[None]

    def project(self, tokens: Tensor) -> Tensor:
        return tokens


class HuggingFaceText(TextTower):
    """What both text encoders have in common."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.text, self.tokenizer = model.text_model, tokenizer
        self.token_embedding = self.text.embeddings.token_embedding
        self.positional_embedding = self.text.embeddings.position_embedding.weight
        self.blocks = [block(layer) for layer in self.text.encoder.layers]
        self.last = getattr(model, "text_projection", None) or self.text.head

    @property
    def dtype(self) -> torch.dtype:
        return self.last.weight.dtype

    @property
    def embedding_size(self) -> int:
        return self.last.out_features

    def project(self, tokens: Tensor) -> Tensor:
        return self.last(self.text.final_layer_norm(tokens))


class ClipTextTower(HuggingFaceText):
    """The causal text encoder of `CLIPModel`."""

    def lengths(self, ids: Tensor) -> Tensor:
        """Up to the first EOT, which also pads; by its number only if the checkpoint has it right,
        which those of 2021 do not."""
        end = self.text.config.eos_token_id
        return super().lengths(ids) if end == 2 else first_of(ids, end) + 1


class SiglipTextTower(HuggingFaceText):
    """The text encoder of `SiglipModel`: padding is read like words, the last token pooled."""

    causal = False
    first_word = 0

    def lengths(self, ids: Tensor) -> Tensor:
        return torch.full((len(ids),), ids.shape[1])
