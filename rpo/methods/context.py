"""Learnable context words: how they start, and the texts that hold their places."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rpo.clip.load import Clip
from rpo.clip.texts import listed
from rpo.clip.towers import text_tower

CONTEXT_STD = 0.02


def context_texts(names: Sequence[str], words: str, count: int) -> list[str]:
    """ "<words> <name>." for each class; without words, `count` placeholders of one token each."""
    beginning = f"{words} " if words else places(count)
    return [f"{beginning}{name}." for name in listed(names)]


def places(count: int) -> str:
    """What holds the places of so many context vectors in front of a name."""
    return "X " * count


def initial_context(clip: Clip, words: str, count: int, classes: int | None = None) -> Tensor:
    """The embeddings of the first `count` tokens of `words`; without words, random ones.

    Args:
        classes: gives each of so many classes a context of its own.

    Returns:
        (count, width) or (classes, count, width), float32.

    Raises:
        ValueError: `words` has fewer tokens than that.
    """
    shape = (count,) if classes is None else (classes, count)
    tower = text_tower(clip)
    if not words:
        return CONTEXT_STD * torch.randn(*shape, tower.width)
    ids = tower.tokenizer.words(words)
    if len(ids) < count:
        raise ValueError(
            f'CTX_INIT "{words}" has {len(ids)} tokens, which cannot start {count} context '
            "vectors: lower the number of vectors or add words"
        )
    embeddings = tower.token_embedding.weight[ids[:count]].detach().float()
    return embeddings.expand(*shape, -1).clone()


def initial_words(words: str, count: int) -> tuple[str, int]:
    """CTX_INIT without underscores, and the number of context vectors: its words, or `count`."""
    words = words.replace("_", " ")
    return words, len(words.split(" ")) if words else count


def first_words(words: str, count: int) -> str:
    """CTX_INIT without underscores; empty, that is random, for more than 4 prompts."""
    return words.replace("_", " ") if count <= 4 else ""
