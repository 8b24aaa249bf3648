"""From class names to token ids."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from rpo.clip import openai


def listed(classes: Sequence[Any]) -> list[Any]:
    """Classes as a list.

    Raises:
        ValueError: there are none; or a single text, whose letters would be taken for classes.
    """
    if isinstance(classes, str) or not (found := list(classes)):
        raise ValueError(f"classes are a list, as ['a cat', 'a dog'], and this is {classes!r}")
    return found


def read_alike(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two of some class names that CLIP reads alike, if there are any."""
    read: dict[str, str] = {}
    for name in names:
        text = " ".join(openai.cleaned(name.replace("_", " ")).lower().split())
        if text in read:
            return read[text], name
        read[text] = name
    return None


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


class Tokenizer(Protocol):
    """From texts to the token ids of one model."""

    def __call__(self, texts: Sequence[str], context_length: int) -> Tensor:
        """Token ids (texts, context length), padded as the model expects it.

        Raises:
            ValueError: a text is longer than the context; it is named.
        """
        ...

    def words(self, text: str) -> list[int]:
        """The ids of a text alone, without what stands in front of and behind every text."""
        ...


class OpenAITokenizer:
    """OpenAI's byte-pair encoder: SOT, the words, EOT, and padding with 0."""

    def __call__(self, texts: Sequence[str], context_length: int) -> Tensor:
        return tokenize_all(texts, context_length)

    def words(self, text: str) -> list[int]:
        return openai.tokenizer().encode(text)


def plain_words(tokenizer: Any, text: str) -> list[int]:
    """Ids of a text, by a tokenizer of transformers, without special tokens."""
    return list(tokenizer(text, add_special_tokens=False).input_ids)


class LibraryTokenizer:
    """That of another library, which would cut long texts without a word.

    Args:
        encode: texts and context length to ids (texts, context length).
        words: see `Tokenizer`.
    """

    def __init__(
        self, encode: Callable[[list[str], int], Tensor], words: Callable[[str], list[int]]
    ) -> None:
        self.encode, self.words = encode, words

    def __call__(self, texts: Sequence[str], context_length: int) -> Tensor:
        ids = self.encode(list(texts), context_length)
        with_room = self.encode(list(texts), 2 * context_length)[:, :context_length]
        for text, cut, whole in zip(texts, ids, with_room, strict=True):
            if not torch.equal(cut, whole):
                raise too_long(text, context_length)
        return ids


def tokenize(texts: Sequence[str], context_length: int) -> tuple[Tensor, Tensor]:
    """OpenAI's token ids cropped to the longest text, and the lengths.

    Returns:
        ids (texts, tokens) and lengths (texts,), both counting SOT and EOT.

    Raises:
        ValueError: a text is longer than the context; it is named.
    """
    ids = tokenize_all(texts, context_length)
    lengths = ids.argmax(dim=-1) + 1  # EOT is the last entry of the vocabulary
    return ids[:, : int(lengths.max())], lengths


def tokenize_all(texts: Sequence[str], context_length: int) -> Tensor:
    """OpenAI's token ids (texts, context length), padded with 0 behind EOT, as its `tokenize`.

    Raises:
        ValueError: a text is longer than the context; it is named.
    """
    encoder = openai.tokenizer()
    start, end = encoder.encoder["<|startoftext|>"], encoder.encoder["<|endoftext|>"]
    ids = torch.zeros(len(texts), context_length, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        tokens = [start, *encoder.encode(text), end]
        if len(tokens) > context_length:
            raise too_long(text, context_length)
        row[: len(tokens)] = torch.tensor(tokens)
    return ids


def too_long(text: str, context_length: int) -> ValueError:
    """The error for a text that the encoder would not see whole."""
    return ValueError(
        f'"{text}" does not fit into CLIP\'s context of {context_length} tokens: '
        "shorten the class name or the prompt template"
    )
