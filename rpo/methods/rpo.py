"""RPO. Lee, Song, Suh, Choi, Lee, Kim: Read-only Prompt Optimization for Vision-Language
Few-shot Learning, ICCV 2023, https://arxiv.org/abs/2308.14960.

K learnable prompts join the image tokens and K the text tokens of a frozen CLIP. They read CLIP's
tokens, and attention is masked so that nothing reads them: CLIP's own representation stays as it
was. With v_k and t_k the unit-length outputs of visual prompt k and text prompt k,

    logit(image, class) = mean over k of exp(logit_scale) <v_k, t_k>,

so that prompt k only ever meets prompt k. How prompts read stands below twice: `MaskedForm` is the
paper's definition, `CachedForm` computes the same faster and is checked against it in every run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rpo.attention import (
    FrozenLayer,
    attention_mask,
    frozen_layers,
    masked_pass,
    own_text_features,
    read_only_pass,
    visible_tokens,
)
from rpo.clip.load import Clip
from rpo.clip.precision import autocast_dtype
from rpo.clip.texts import listed
from rpo.clip.towers import ImageTower, TextTower, Tower, image_tower, text_tower
from rpo.methods import settings
from rpo.methods.base import Method, biased
from rpo.methods.compilation import MODES, compile_form
from rpo.methods.form_check import check_form
from rpo.methods.rpo_prompts import INITIALISERS, NOISES, PromptLearner
from rpo.methods.settings import setting
from rpo.methods.shared_pass import SharedPass, shared_pass
from rpo.methods.text_backward import TextBackward
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    k: int = setting(24, "Pairs of prompts.", at_least=1)
    init: str = setting(
        "st",
        "Start from the special tokens EOT and CLS, or at random.",
        choices=tuple(INITIALISERS),
    )
    noise: str = setting(
        "unit",
        "On the special tokens: of length 0.1 (unit, as in the released code), or of standard "
        "deviation 0.1 (gaussian, as in the paper).",
        choices=tuple(NOISES),
    )
    read_only: bool = setting(
        True, "Ablation: if false, prompts take part in the attention like CLIP's own tokens."
    )
    modality: str = setting(
        "both",
        "Ablation: prompts in both encoders, or in one against CLIP's own feature of the other.",
        choices=("both", "text", "visual"),
    )
    form: str = setting(
        "cached",
        "How prompts read: fast, on the cached keys and values of CLIP; or by the definition, "
        "with a mask. Prompts that are not read-only always use the mask.",
        choices=("cached", "masked"),
    )
    text_chunk: int = setting(
        0,
        "Classes per block of the text side, to bound memory at the price of computing each block "
        "twice; with 0, as many blocks are computed once as the free memory holds.",
        at_least=0,
    )
    gradient_tolerance: float = setting(
        0.0,
        "Leaves classes out of the backward pass as long as they hold together no more than this "
        "share of the length of the gradient on the text features; below 1. 0 is exact.",
        at_least=0,
    )
    compile: str = setting("none", "Compiles the cached form with torch.compile.", choices=MODES)

    @property
    def masked(self) -> bool:
        """Whether the definition itself is computed."""
        return self.form == "masked" or not self.read_only

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.masked and (self.compile != "none" or self.text_chunk or self.gradient_tolerance):
            raise ValueError(
                "compile, text_chunk and gradient_tolerance belong to the cached form; with form "
                "masked, or prompts that are not read_only, leave them at none and 0"
            )
        if self.gradient_tolerance >= 1:
            raise ValueError(
                f"gradient_tolerance is {self.gradient_tolerance}; it must be below 1, as 0.001"
            )
        if self.gradient_tolerance and self.compile != "none":
            raise ValueError(
                "with a gradient_tolerance the number of classes changes from step to step, and "
                "compile would compile anew each time: choose one of them"
            )


class MaskedForm:
    """The definition (section 3.2): prompts join the sequence, and a mask keeps them read-only.

    With `read_only` false (the ablation of section 4) prompts are ordinary tokens and do change
    CLIP's own.
    """

    def __init__(self, read_only: bool = True) -> None:
        self.read_only = read_only

    def read(
        self, tower: Tower, tokens: Tensor, prompts: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """Prompts (K, width) after the last layer, (batch, K, width), beside tokens of CLIP."""
        prompts = tower.embed_prompts(prompts).expand(tokens.shape[0], -1, -1)
        mask = attention_mask(
            tokens.shape[1], prompts.shape[1], tower.causal, lengths, self.read_only
        )
        together = torch.cat([tokens, prompts], dim=1)
        return masked_pass(tower.blocks, together, mask.to(tokens.device))[:, tokens.shape[1] :]

    def read_images(self, tower: ImageTower, images: Tensor, prompts: Tensor) -> Tensor:
        """(batch, K, visual width)."""
        return self.read(tower, tower.embed(images), prompts)

    def read_texts(self, tower: TextTower, ids: Tensor, lengths: Tensor, prompts: Tensor) -> Tensor:
        """(classes, K, text width)."""
        return self.read(tower, tower.embed(ids), prompts, lengths)


def image_layers(tower: ImageTower, images: Tensor) -> Iterable[FrozenLayer]:
    """CLIP's own pass over images (batch, 3, height, width), as far as it is consumed."""
    return frozen_layers(tower.blocks, tower.embed(images))


class CachedForm:
    """The same, faster: CLIP's tokens never see a prompt, so they pass through CLIP once, without
    autograd, and prompts are but K more queries on the keys and values of every layer.

    The keys and values of the class texts are computed once a run. Several runs in turns share
    them, and those of each batch of images.

    Attributes:
        read_layers: how prompts read the texts; a compiled function may take its place.
    """

    def __init__(self, shared: SharedPass | None = None) -> None:
        self.shared = shared
        self.read_layers = read_only_pass
        self.forget()

    def read_images(self, tower: ImageTower, images: Tensor, prompts: Tensor) -> Tensor:
        """(batch, K, visual width)."""
        layers: Iterable[FrozenLayer]
        if self.shared and torch.is_grad_enabled():  # tests are not taken in turns
            layers = self.shared.image_layers(images, lambda: list(image_layers(tower, images)))
        else:
            layers = image_layers(tower, images)
        return read_only_pass(layers, tower.embed_prompts(prompts))

    def read_texts(self, tower: TextTower, ids: Tensor, lengths: Tensor, prompts: Tensor) -> Tensor:
        """(classes, K, text width)."""
        return self.read_block(tower, ids, lengths, tower.embed_prompts(prompts), slice(None))

    def read_block(
        self,
        tower: TextTower,
        ids: Tensor,
        lengths: Tensor,
        prompts: Tensor,
        classes: slice | Tensor,
    ) -> Tensor:
        """Embedded `prompts` (1, K, text width) read some of the class texts."""
        visible = visible_tokens(lengths, ids.shape[1])[classes]
        layers = [
            FrozenLayer(layer.block, layer.keys[classes], layer.values[classes])
            for layer in self.text_layers(tower, ids)
        ]
        return self.read_layers(layers, prompts, visible)

    def text_layers(self, tower: TextTower, ids: Tensor) -> list[FrozenLayer]:
        """Keys and values of the class texts, computed once in each precision."""
        precision = autocast_dtype(ids.device)
        if precision not in self._text_layers:
            compute = partial(self.compute_text_layers, tower, ids)
            found = self.shared.text_layers(ids, compute) if self.shared else compute()
            self._text_layers[precision] = found
        return self._text_layers[precision]

    def compute_text_layers(self, tower: TextTower, ids: Tensor) -> list[FrozenLayer]:
        """See `text_layers`."""
        with torch.inference_mode(False):  # so that a later training step may use them too
            layers = frozen_layers(tower.blocks, tower.embed(ids), tower.causal)
            return [layer.with_own_memory() for layer in layers]

    def forget(self) -> None:
        """Drops what was computed once."""
        self._text_layers: dict[torch.dtype | None, list[FrozenLayer]] = {}


class RPO(Method):
    """Learns `text_prompt` (K, text width) and `img_prompt` (K, visual width)."""

    traits = Traits(order=1000, colour="#d55e00", marker="o", folder="rpo", mean_of_harmonic=True)
    Settings = Settings
    takes = "texts"
    prompt = "a photo of a {}."

    ids: Tensor
    lengths: Tensor

    def __init__(
        self, clip: Clip, texts: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        chosen = self.settings
        self.image_tower, self.text_tower = image_tower(clip), text_tower(clip)
        self.prompt_learner = PromptLearner(
            self.text_tower.start_token,
            self.image_tower.start_token,
            chosen.k,
            chosen.init,
            chosen.noise,
        )
        ids, lengths = self.text_tower.tokenize(listed(texts))
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("lengths", lengths, persistent=False)
        self.texts, self.modality = list(texts), chosen.modality
        self.form: MaskedForm | CachedForm
        if chosen.masked:
            self.form = MaskedForm(chosen.read_only)
        else:
            self.form = compile_form(CachedForm(shared_pass(clip)), chosen.compile)
        self.checked = chosen.masked  # the definition need not be compared with itself
        self.text_backward = TextBackward(chosen.text_chunk, chosen.gradient_tolerance)

    def learner(self) -> nn.Module:
        return self.prompt_learner

    def idle(self) -> Sequence[str]:
        return {"text": ["img_prompt"], "visual": ["text_prompt"]}.get(self.modality, [])

    def measured(self) -> dict[str, float]:
        if not self.settings.gradient_tolerance:
            return {}
        how = self.text_backward
        return {"dropped": how.dropped, "classes": float(how.differentiated)}

    def forward(self, images: Tensor) -> Tensor:
        self.check(images)
        image_features = self.image_features(images)
        return self.logits(image_features, self.text_features(self.importance(image_features)))

    def check(self, images: Tensor) -> None:
        """Compares the two forms on the first batch (batch, 3, height, width); see `check_form`."""
        if not (self.checked or torch.compiler.is_compiling()):
            check_form(self, images, MaskedForm(), type(self.form)())
            self.checked = True

    @torch.no_grad()
    def importance(self, image_features: Tensor) -> Tensor | None:
        """(classes,): how much the images are taken for each, the sum of the squared probabilities,
        by the text features of the training step before; None without one, or a tolerance."""
        before = self.text_backward.last
        if before is None:
            return None
        return self.logits(image_features, before).softmax(dim=1).pow(2).sum(dim=0)

    def end_epoch(self, optimizer: torch.optim.Optimizer, epoch: int, epochs: int) -> None:
        self.text_backward.last = None  # a run that is resumed here knows of no step before either

    def logits(self, image_features: Tensor, text_features: Tensor) -> Tensor:
        """(batch, classes) from (batch, K, embedding) and (classes, K, embedding)."""
        prompts = max(image_features.shape[1], text_features.shape[1])
        with torch.autocast(image_features.device.type, enabled=False):  # the mean stays float32
            similarities = torch.einsum("bkd,ckd->bc", image_features, text_features) / prompts
            return biased(self.clip.logit_scale.exp().float() * similarities, self.clip)

    def image_features(self, images: Tensor) -> Tensor:
        """(batch, K, embedding) of unit length; K is 1 where images have no prompts."""
        if self.modality == "text":
            return _unit(self.own_image_features(images)[:, None])
        prompts = self.prompt_learner.img_prompt
        read = self.form.read_images(self.image_tower, images, prompts)
        return _unit(self.image_tower.project(read))

    def text_features(self, importance: Tensor | None = None) -> Tensor:
        """(classes, K, embedding) of unit length; K is 1 where texts have no prompts.

        Computed once per state of the prompts where no gradient is wanted.

        Args:
            importance: (classes,), of each for a backward pass with a tolerance.
        """
        if self.modality == "visual":
            own = partial(own_text_features, self.text_tower, self.ids, self.lengths)
            return _unit(self.remembered.get(own, [self.ids])[:, None])
        prompts = self.prompt_learner.text_prompt
        read = partial(self._read_texts, prompts, importance)
        return self.remembered.get(read, [self.ids, prompts])

    def _read_texts(self, prompts: Tensor, importance: Tensor | None) -> Tensor:
        tower, texts = self.text_tower, (self.text_tower, self.ids, self.lengths)
        if isinstance(self.form, MaskedForm):
            return _unit(tower.project(self.form.read_texts(*texts, prompts)))
        read_block = partial(self.form.read_block, *texts)

        def read(prompts: Tensor, classes: slice | Tensor) -> Tensor:
            return _unit(tower.project(read_block(prompts, classes)))

        prompts, layers = tower.embed_prompts(prompts), len(tower.blocks)
        return self.text_backward.features(read, prompts, len(self.ids), layers, importance)

    def forget(self) -> None:
        super().forget()
        self.text_backward.last = None
        if isinstance(self.form, CachedForm):
            self.form.forget()


def _unit(features: Tensor) -> Tensor:
    """To unit length, in float32 whatever the towers compute in."""
    return normalize(features.float(), dim=-1)
