"""CoOp. Zhou, Yang, Loy, Liu: Learning to Prompt for Vision-Language Models, IJCV 2022,
https://arxiv.org/abs/2109.01134.

The words around the class name, "a photo of a", become vectors that are learnt, for all classes
together or for each class on its own. The image encoder stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.clip.towers import TextTower, text_tower
from rpo.methods import settings
from rpo.methods.context import context_texts, initial_context, initial_words
from rpo.methods.prompted import PromptedMethod, PromptedTexts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(settings.Settings):
    n_ctx: int = setting(16, "Context vectors, if they start at random.", at_least=1)
    csc: bool = setting(False, "A context for every class, which no new class can use.")
    ctx_init: str = setting(
        "",
        "Words to start from, one vector a word, for all classes together. Empty: random vectors.",
    )
    class_token_position: str = setting(
        "end",
        "Where the class name stands: behind, amid or in front of the context.",
        choices=("end", "middle", "front"),
    )


class ContextLearner(nn.Module):
    """`ctx`: (N_CTX, width), or (classes, N_CTX, width) if every class has its own."""

    def __init__(self, context: Tensor) -> None:
        super().__init__()
        self.ctx = nn.Parameter(context)

    def text_prompts(self) -> list[Tensor]:
        return [self.ctx]

    def visual_prompts(self) -> list[Tensor]:
        return []


class CoOp(PromptedMethod):
    """Learns `ctx`. Words to start from make it one for all classes, as in the original."""

    traits = Traits(order=50, colour="#0072b2", marker="s", folder="coop")
    Settings = Settings

    def __init__(
        self, clip: Clip, names: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        chosen = self.settings
        words, count = initial_words(chosen.ctx_init, chosen.n_ctx)
        own_prompts = chosen.csc and not words
        context = initial_context(clip, words, count, len(names) if own_prompts else None)
        sentences = context_texts(names, words, count)
        order = None
        if chosen.class_token_position != "end":
            before = count // 2 if chosen.class_token_position == "middle" else 0
            order = name_order(text_tower(clip), names, sentences, count, before)
        texts = PromptedTexts(clip, sentences, count, own_prompts, order)
        self.use(texts, ContextLearner(context))

    @classmethod
    def can_name_new_classes(cls, settings: Any) -> bool:
        return not settings.csc or bool(settings.ctx_init)


def name_order(
    tower: TextTower, names: Sequence[str], texts: Sequence[str], count: int, before: int
) -> Tensor:
    """Moves each class name from behind the context to behind the first `before` of its vectors.

    Returns:
        (classes, tokens): which token of "SOT, context, name, rest" comes where.
    """
    ids, lengths = tower.tokenize(texts)
    order = torch.arange(ids.shape[1]).repeat(len(ids), 1)
    first = tower.first_word
    start = first + count
    for row, name, length in zip(order, names, lengths.tolist(), strict=True):
        # The last token, which is the feature, stays there.
        end = min(start + len(tower.tokenizer.words(name)), length - 1)
        context, word = torch.arange(first, start), torch.arange(start, end)
        row[first:end] = torch.cat([context[:before], word, context[before:]])
    return order
