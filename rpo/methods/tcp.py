"""TCP. Yao, Zhang, Xu: TCP: Textual-based Class-aware Prompt tuning for Visual-Language Model, CVPR
2024, https://arxiv.org/abs/2311.18231.

CoOp, with prompts of the class's own from the ninth layer of the text encoder on: a small network
makes them of the feature w_c of the class's hand-written text. The features t_c are held near it,

    cross-entropy + W (1 - mean over c of cos(t_c, w_c)).

As in the released program, words behind the class name differ by dataset ("a type of pet"), W is 8
for all datasets, and Adam has an EPS of 1e-3. Two faults are not here: the program's key for W does
nothing, and its script tests SUN397 and ImageNet at an epoch that is not saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from rpo.attention import masked_pass
from rpo.clip.blocks import QUICK_GELU
from rpo.clip.load import Clip
from rpo.methods import settings
from rpo.methods.context import context_texts, initial_context, initial_words, places
from rpo.methods.prompted import PromptedMethod, PromptedTexts, replace
from rpo.methods.references import References, names_and_texts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

REDUCTION = 4  # of the embedding, in the hidden layer of the network


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx: int = setting(4, "Context vectors, and prompts of each class.", at_least=1)
    ctx_init: str = setting("", "Words to start from, one vector a word. Empty: random vectors.")
    w: float = setting(8.0, "Weight of the distance to the hand-written texts.", at_least=0)
    layer: int = setting(
        9,
        "The layer, counted from 1, whose prompts are the class's; an encoder of fewer layers has "
        "them in its last.",
        at_least=1,
    )
    eps: float = setting(1e-3, "Of Adam; its own, 1e-8, is too small for fp16.", at_least=0)


class QuickGELU(nn.Module):
    """OpenAI's activation."""

    def forward(self, values: Tensor) -> Tensor:
        return values * torch.sigmoid(QUICK_GELU * values)


class ClassAwareContext(nn.Module):
    """`ctx` (N_CTX, width), and `meta_net`: embedding -> embedding / 4 -> N_CTX * width."""

    def __init__(self, context: Tensor, embedding: int, references: References) -> None:
        super().__init__()
        self.ctx, self.references = nn.Parameter(context), references
        hidden = embedding // REDUCTION
        self.meta_net = nn.Sequential()
        self.meta_net.add_module("linear1", nn.Linear(embedding, hidden))
        self.meta_net.add_module("gelu", QuickGELU())
        self.meta_net.add_module("linear2", nn.Linear(hidden, context.numel()))

    def text_prompts(self) -> list[Tensor]:
        """The context, and the prompts of each class, (classes, N_CTX, width)."""
        own = self.meta_net(normalize(self.references.features(), dim=-1))
        return [self.ctx, own.unflatten(-1, self.ctx.shape)]

    def visual_prompts(self) -> list[Tensor]:
        return []


class ClassAwareTexts(PromptedTexts):
    """The text encoder on a row for each class; above `below` layers it has prompts of its own."""

    def __init__(self, clip: Clip, texts: Sequence[str], layer: int) -> None:
        super().__init__(clip, texts, own_prompts=True)
        self.below = min(layer, len(self.tower.blocks)) - 1

    def forward(self, prompts: Sequence[Tensor]) -> Tensor:
        """Features (classes, embedding) for what `ClassAwareContext` gives."""
        context, own = prompts
        blocks = self.tower.blocks
        tokens = masked_pass(blocks[: self.below], self.embed(context), self.visible)
        tokens = replace(tokens, own, self.tower.first_word)
        outputs = masked_pass(blocks[self.below :], tokens, self.visible)
        return self.tower.project(outputs.flatten(0, 1)[self.ends])


class TCP(PromptedMethod):
    """Learns `ctx`, and `meta_net.linear1` and `meta_net.linear2` with weight and bias.

    Args:
        classes: names, for "a photo of a <name>."; or names, and a hand-written text of each. Words
            behind the names come with the places of the context, `context_texts`, in front of them.
    """

    traits = Traits(order=56, colour="#fb8072", marker="|", folder="tcp")
    takes = "both"
    Settings = Settings

    def __init__(
        self, clip: Clip, classes: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        sentences, references = names_and_texts(classes)
        words, count = initial_words(self.settings.ctx_init, self.settings.n_ctx)
        if not all(sentence.startswith(places(count)) for sentence in sentences):
            sentences = context_texts(sentences, "", count)
        context = initial_context(clip, words, count)
        self.references = References(clip, references)
        texts = ClassAwareTexts(clip, sentences, self.settings.layer)
        size = texts.tower.embedding_size
        self.use(texts, ClassAwareContext(context, size, self.references))

    def fix(self) -> None:
        super().fix()
        self.references.remembered.fix()

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits, _, text_features = self.logits_and_features(images)
        held = self.settings.w * self.references.distance(text_features)
        return cross_entropy(logits, labels) + held, logits
