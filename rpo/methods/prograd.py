"""ProGrad. Zhu, Niu, Han, Wu, Zhang: Prompt-aligned Gradient for Prompt Tuning, ICCV 2023,
https://arxiv.org/abs/2205.14865.

CoOp without the part of its gradient that opposes zero-shot CLIP. With g the gradient of the
cross-entropy, and e that of the divergence from zero-shot CLIP's answers, brought to length 1, a
step goes along g, or, where g . e < 0, along

    g - lambda (g . e) e.

As in the released program, a context from words is one of N_CTX vectors of which the last are words
and the others zero; words are counted by their spaces, so that in a text with a comma the last word
is not learnt and stays behind the context. Two faults are not here: where both answers are the
same, e is no number; and `PREC amp` cannot train.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.base import cosine_logits
from rpo.methods.context import context_texts, initial_context
from rpo.methods.coop import ContextLearner
from rpo.methods.prompted import PromptedMethod, PromptedTexts
from rpo.methods.references import References, names_and_texts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx: int = setting(16, "Context vectors.", at_least=1)
    csc: bool = setting(
        False, "A random context for every class, which no new class can use, if not from words."
    )
    ctx_init: bool = setting(True, "Start from the words of the class text before the name.")
    t: float = setting(1.0, "Temperature of the answers that are compared.", at_least=1e-3)
    removed: float = setting(
        1.0, "How much of the opposing part of the gradient is removed, lambda.", at_least=0
    )


class ProGrad(PromptedMethod):
    """Learns `ctx`.

    Args:
        classes: names, whose text for zero-shot CLIP is "a photo of a <name>."; or names and a text
            of each.
    """

    traits = Traits(order=54, colour="#80b1d3", marker=">", folder="prograd")
    Settings = Settings
    takes = "both"

    def __init__(
        self, clip: Clip, classes: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        names, texts = names_and_texts(classes)
        chosen = self.settings
        words = texts[0].partition(names[0])[0].strip() if chosen.ctx_init else ""
        own_prompts = chosen.csc and not words
        if words:
            context, beginning = padded_context(clip, words, chosen.n_ctx)
        else:
            owners = len(names) if own_prompts else None
            context, beginning = initial_context(clip, "", chosen.n_ctx, owners), ""
        sentences = context_texts(names, beginning, chosen.n_ctx)
        learner = ContextLearner(context)
        self.use(PromptedTexts(clip, sentences, chosen.n_ctx, own_prompts), learner)
        self.references = References(clip, texts)

    @classmethod
    def can_name_new_classes(cls, settings: Any) -> bool:
        return settings.ctx_init or not settings.csc

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The cross-entropy; what flows back from it is the step's direction."""
        logits, image_features, _ = self.logits_and_features(images)
        own = cosine_logits(image_features, self.references.features(), self.clip)
        t = self.settings.t
        agreement = ((own / t).softmax(-1) * (logits / t).log_softmax(-1)).sum(dim=-1).mean()
        fit, context = cross_entropy(logits, labels), self.prompt_learner.ctx
        if not torch.is_grad_enabled():
            return fit, logits
        (wanted,) = torch.autograd.grad(fit, context, retain_graph=True)
        (general,) = torch.autograd.grad(-(t**2) * agreement, context)
        direction = aligned(wanted, general, self.settings.removed)
        return fit.detach() + (direction * (context - context.detach())).sum(), logits


def aligned(wanted: Tensor, general: Tensor, removed: float) -> Tensor:
    """A gradient without (some of) its part against another, of the same shape."""
    length = general.norm()
    if length == 0:
        return wanted
    against = (wanted * general).sum().clamp(max=0) / length
    return wanted - removed * against * general / length


def padded_context(clip: Clip, words: str, count: int) -> tuple[Tensor, str]:
    """Vectors (count, width) of which the last are words, the others zero; and as many words.

    Raises:
        ValueError: there are more words than vectors.
    """
    own = len(words.split(" "))
    if own > count:
        raise ValueError(f'"{words}" has {own} words and n_ctx is {count}: it must be that or more')
    beginning = initial_context(clip, words, own)
    zeros = torch.zeros(count - own, beginning.shape[1])
    return torch.cat([zeros, beginning]), " ".join(["X"] * (count - own) + [words])
