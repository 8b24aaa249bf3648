"""The encoders of open_clip's models, and timm's of SigLIP."""

import functools
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.blocks import Block, PoolingHead, fused, identity
from rpo.clip.towers import ImageTower, OpenAIImageTower, TextTower, first_of


def open_clip_block(module: Any) -> Block:
    """Either of open_clip's blocks; raises ValueError for attention by scaled cosines."""
    attention, mlp = module.attn, module.mlp
    if getattr(attention, "logit_scale", None) is not None:
        raise ValueError("attention by scaled cosines is not supported")
    quick = type(mlp.gelu).__name__ == "QuickGELU"
    plain = isinstance(getattr(mlp, "ln", None), (nn.Identity, type(None)))
    return Block(
        norm_1=module.ln_1,
        project=fused(attention),
        heads=attention.num_heads,
        out=functools.partial(_attended_out, module),
        norm_2=module.ln_2,
        mlp=mlp,
        norm_queries=getattr(attention, "ln_q", identity),
        norm_keys=getattr(attention, "ln_k", identity),
        scale_1=module.ls_1,
        scale_2=identity if isinstance(module.ls_2, nn.Identity) else module.ls_2,
        quick_gelu=(mlp.c_fc, mlp.c_proj) if quick and plain else None,
    )


def _attended_out(module: Any, merged: Tensor) -> Tensor:
    """What the heads attended to, with the scales and norms that the custom block has around it."""
    attention = module.attn
    if (scale := getattr(attention, "head_scale", None)) is not None:
        merged = merged * scale.flatten().repeat_interleave(merged.shape[-1] // len(scale))
    inner = getattr(attention, "ln_inner", identity)
    return getattr(module, "ln_attn", identity)(attention.out_proj(inner(merged)))


class OpenClipImageTower(OpenAIImageTower):
    """open_clip's vision transformer, whose parts are called as OpenAI's."""

    def __init__(self, clip: Any) -> None:
        self.visual = clip.visual
        self.blocks = [open_clip_block(each) for each in self.visual.transformer.resblocks]


class OpenClipTextTower(TextTower):
    """open_clip's text transformer: causal up to EOT, or of the whole context and its last token.

    Where it is not causal (SigLIP), padding is read like words, and prompts start from the token
    that is pooled, the last one with its position. How prompts read such an encoder is this
    project's, not the paper's.
    """

    def __init__(self, text: Any, tokenizer: Any) -> None:
        """Raises ValueError for other encoders."""
        pool = getattr(text, "text_pool_type", getattr(text, "pool_type", None))
        self.causal = getattr(text, "attn_mask", None) is not None
        own_class = getattr(text, "cls_emb", None) is not None
        padding_hidden = getattr(text, "use_pad_mask", False)
        if own_class or padding_hidden or pool not in ENDS or ENDS[pool] != self.causal:
            raise ValueError(
                f"this text encoder ({type(text).__name__}, pooling {pool}) is not supported: it "
                "must be causal with the feature at EOT, or of the whole context with it at the end"
            )
        self.text, self.tokenizer = text, tokenizer
        self.end_id = int(getattr(text, "text_eos_id", getattr(text, "eos_id", 0)))
        self.by_id = pool == "eos"
        self.first_word = int(self.causal)
        self.token_embedding, self.positional_embedding = (
            text.token_embedding,
            text.positional_embedding,
        )
        self.blocks = [open_clip_block(each) for each in text.transformer.resblocks]

    @property
    def dtype(self) -> torch.dtype:
        return self.token_embedding.weight.dtype

    @property
    def embedding_size(self) -> int:
        projection = self.text.text_projection
        if projection is None:
            return self.width
        return projection.out_features if isinstance(projection, nn.Linear) else projection.shape[1]

    def lengths(self, ids: Tensor) -> Tensor:
        if not self.causal:
            return torch.full((len(ids),), ids.shape[1])
        return first_of(ids, self.end_id) + 1 if self.by_id else super().lengths(ids)

    def project(self, tokens: Tensor) -> Tensor:
        tokens, projection = self.text.ln_final(tokens), self.text.text_projection
        if projection is None:
            return tokens
        return projection(tokens) if isinstance(projection, nn.Linear) else tokens @ projection


# Where the feature is, and whether the encoder must be causal for it.
ENDS = {"argmax": True, "eos": True, "last": False}


class TimmImageTower(ImageTower):
    """SigLIP's image encoder of timm: no CLS; a learnt probe pools the patches in the head.

    Prompts are further probes: they read the patches where the probe does, in the head, and start
    from it. That is this project's, not the paper's, whose prompts read a CLS token's layers.
    """

    class_tokens = 0

    def __init__(self, visual: Any) -> None:
        """Raises ValueError for an attention pooling of another form."""
        self.trunk, self.last, self.pool = visual.trunk, visual.head, visual.trunk.attn_pool
        one_probe = getattr(self.pool, "latent_len", 0) == 1 and self.pool.pos_embed is None
        if not one_probe or self.pool.mlp is None:
            raise ValueError("this attention pooling is not SigLIP's, which has one learnt probe")
        self.blocks = [
            PoolingHead(
                norm_1=identity,
                project=self._project,
                heads=self.pool.num_heads,
                out=self.pool.proj,
                norm_2=self.pool.norm,
                mlp=self.pool.mlp,
                norm_queries=self.pool.q_norm,
                norm_keys=self.pool.k_norm,
            )
        ]

    def _project(self, tokens: Tensor, parts: slice) -> Tensor:
        layers = [self.pool.q] if parts == slice(0, 1) else [self.pool.q, self.pool.kv]
        return torch.cat([layer(tokens) for layer in layers], dim=-1)

    @property
    def start_token(self) -> Tensor:
        """(width,) the probe."""
        return self.pool.latent[0, 0]

    @property
    def dtype(self) -> torch.dtype:
        return self.pool.latent.dtype

    def embed(self, images: Tensor) -> Tensor:
        """(batch, patches, width), as the head reads them."""
        return self.trunk.forward_features(images.to(self.dtype))

    def reader(self, tokens: Tensor) -> Tensor:
        return self.start_token.expand(len(tokens), 1, -1)

    def embed_prompts(self, prompts: Tensor) -> Tensor:
        return prompts.to(self.dtype)[None]

    def project(self, tokens: Tensor) -> Tensor:
        return self.last(self.trunk.head(self.trunk.fc_norm(tokens)))
