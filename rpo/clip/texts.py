"""From class names to token ids."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rpo.clip import openai


def class_texts(classnames: Sequence[str], template: str, slot: str = "_") -> list[str]:
    """The template once per class, with the class name in its slot.

    Raises:
        ValueError: the template has no slot, so that every class would read the same.
    """
    if slot not in template:
        raise ValueError(f'the prompt template "{template}" has no "{slot}" for the class name')
    return [template.replace(slot, name) for name in classnames]


def class_inputs(names: Sequence[str], templates: Sequence[str]) -> list[Any]:
    """What a method reads of classes: their names, where there is no template; a text each; or, of
    several templates, a list of texts for each template.

    Raises:
        ValueError: a template has no "{}" for the class name.
    """
    lists = [class_texts(names, template, "{}") for template in templates]
    if not lists:
        return list(names)
    return list(lists[0]) if len(lists) == 1 else list(lists)


def tokenize(texts: Sequence[str], context_length: int) -> tuple[Tensor, Tensor]:
    """Token ids cropped to the longest text, and the lengths.

    What stands after EOT cannot matter to a causal encoder, so the rest of the context is cut.

    Returns:
        ids (texts, tokens) and lengths (texts,), both counting SOT and EOT.

    Raises:
        ValueError: a text is longer than the context; it is named.
    """
    ids = tokenize_all(texts, context_length)
    lengths = ids.argmax(dim=-1) + 1  # EOT is the last entry of the vocabulary
    return ids[:, : int(lengths.max())], lengths


def tokenize_all(texts: Sequence[str], context_length: int) -> Tensor:
    """Token ids (texts, context length), padded with 0 behind EOT, as OpenAI's `tokenize`.

    Raises:
        ValueError: a text is longer than the context; it is named.
    """
    encoder = openai.tokenizer()
    start, end = encoder.encoder["<|startoftext|>"], encoder.encoder["<|endoftext|>"]
    ids = torch.zeros(len(texts), context_length, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        tokens = [start, *encoder.encode(text), end]
        if len(tokens) > context_length:
            raise ValueError(
                f'"{text}" does not fit into CLIP\'s context of {context_length} tokens: '
                "shorten the class name or the prompt template"
            )
        row[: len(tokens)] = torch.tensor(tokens)
    return ids
