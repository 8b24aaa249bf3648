"""CoOp. Zhou, Yang, Loy, Liu: Learning to Prompt for Vision-Language Models, IJCV 2022,
https://arxiv.org/abs/2109.01134.

The words around the class name, "a photo of a", become vectors that are learnt, for all classes
together or for each class on its own. The image encoder stays as it is.
"""

from collections.abc import Sequence
from typing import Any

import torch
from dassl.engine import TRAINER_REGISTRY
from torch import Tensor, nn

from rpo.classifier import PromptedClassifier
from rpo.clip.load import Clip
from rpo.clip.texts import tokenize
from rpo.context import context_texts, initial_context
from rpo.prompted import PromptedTexts
from rpo.registration import register

from .base import PromptTrainer

POSITIONS = ("end", "middle", "front")


class ContextLearner(nn.Module):
    """`ctx`: (N_CTX, width), or (classes, N_CTX, width) if every class has its own."""

    def __init__(self, context: Tensor) -> None:
        super().__init__()
        self.ctx = nn.Parameter(context)

    def text_prompts(self) -> list[Tensor]:
        return [self.ctx]

    def visual_prompts(self) -> list[Tensor]:
        return []


@register(TRAINER_REGISTRY)
class CoOp(PromptTrainer):
    """Saves `ctx`."""

    section = "COOP"
    defaults = {
        # Context vectors, if they start at random.
        "N_CTX": 16,
        # A context of its own for every class, which no new class can use.
        "CSC": False,
        # Words to start from; one vector a word. Empty: random vectors.
        "CTX_INIT": "",
        # What the frozen encoders compute in: fp32, fp16, bf16 or amp.
        "PREC": "fp16",
        # Where the class name stands: at the end, in the middle or in front of the context.
        "CLASS_TOKEN_POSITION": "end",
    }

    def check_cfg(self, cfg: Any) -> None:
        super().check_cfg(cfg)
        self.check_choice(cfg, "CLASS_TOKEN_POSITION", POSITIONS)
        self.check_at_least(cfg, "N_CTX", 1)

    def build_network(self, clip: Clip, classnames: Sequence[str]) -> nn.Module:
        options = self.options
        words, count = initial_words(options)
        classes = len(classnames) if options.CSC else None
        learner = ContextLearner(initial_context(clip, words, count, classes))
        sentences = context_texts(classnames, words, count)
        order = None
        if options.CLASS_TOKEN_POSITION != "end":
            before = count // 2 if options.CLASS_TOKEN_POSITION == "middle" else 0
            order = name_order(classnames, sentences, count, before, clip.context_length)
        texts = PromptedTexts(clip, sentences, count, options.CSC, order)
        return PromptedClassifier(clip, texts, learner)


def initial_words(options: Any) -> tuple[str, int]:
    """CTX_INIT without underscores, and the number of context vectors: N_CTX, or its words."""
    words = options.CTX_INIT.replace("_", " ")
    return words, len(words.split(" ")) if words else options.N_CTX


def name_order(
    names: Sequence[str], texts: Sequence[str], count: int, before: int, context_length: int
) -> Tensor:
    """Moves each class name from behind the context to behind the first `before` of its vectors.

    Returns:
        (classes, tokens): which token of "SOT, context, name, rest" comes where.
    """
    ids, lengths = tokenize(texts, context_length)
    order = torch.arange(ids.shape[1]).repeat(len(ids), 1)
    name_lengths = tokenize(names, context_length)[1] - 2
    for row, name, length in zip(order, name_lengths.tolist(), lengths.tolist(), strict=True):
        start = 1 + count
        end = min(start + name, length - 1)  # EOT stays the last
        context, word = torch.arange(1, start), torch.arange(start, end)
        row[1:end] = torch.cat([context[:before], word, context[before:]])
    return order
