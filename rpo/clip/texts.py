"""From class names to token ids."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rpo.clip.load import import_clip


def class_texts(classnames: Sequence[str], template: str, slot: str = "_") -> list[str]:
    """The template once per class, with the class name in its slot.

    Raises:
        ValueError: the template has no slot, so that every class would read the same.
    """
    if slot not in template:
        raise ValueError(f'the prompt template "{template}" has no "{slot}" for the class name')
    return [template.replace(slot, name) for name in classnames]


def tokenize(texts: Sequence[str], context_length: int) -> tuple[Tensor, Tensor]:
    """Token ids cropped to the longest text, and the lengths.

    What stands after EOT cannot matter to a causal encoder, so the rest of the context is cut.

    Returns:
        ids (texts, tokens) and lengths (texts,), both counting SOT and EOT.

    Raises:
        ValueError: a text is longer than the context; it is named.
    """
    ids = torch.cat([_tokenize_one(text, context_length) for text in texts])
    lengths = ids.argmax(dim=-1) + 1  # EOT is the last entry of the vocabulary
    return ids[:, : int(lengths.max())], lengths


def _tokenize_one(text: str, context_length: int) -> Tensor:
    """(1, context_length)."""
    try:
        return import_clip().tokenize(text, context_length)
    except RuntimeError as error:
        raise ValueError(
            f'"{text}" does not fit into CLIP\'s context of {context_length} tokens: '
            "shorten the class name or the prompt template"
        ) from error
