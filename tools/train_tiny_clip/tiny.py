"""The tiny CLIP: OpenAI's class at a small size, and a file that keeps only the words it knows."""

from pathlib import Path

import torch
from augment import RESOLUTION

from rpo.clip import openai
from rpo.clip.load import Clip
from rpo.clip.texts import tokenize_all

VOCABULARY = 49408
CONTEXT = 77
WIDTH = 128
VISION_LAYERS = 4
TEXT_LAYERS = 3
PATCH = 8


class Words:
    """The tokens that some captions use, numbered anew without gaps.

    Ascending order is kept, so end-of-text stays the largest number, by which CLIP finds it.
    """

    def __init__(self, captions: list[str]) -> None:
        tokens = tokenize_all(captions, CONTEXT)
        self.ids = tokens.unique()
        self.longest = int(tokens.argmax(dim=-1).max()) + 1

    def __call__(self, captions: list[str]) -> torch.Tensor:
        """Captions -> (captions, longest), for a model whose embedding has one row a word."""
        return torch.searchsorted(self.ids, tokenize_all(captions, CONTEXT)[:, : self.longest])


def new_model(rows: int) -> Clip:
    """An untrained tiny CLIP that knows this many words."""
    return openai.model().CLIP(
        embed_dim=WIDTH,
        image_resolution=RESOLUTION,
        vision_layers=VISION_LAYERS,
        vision_width=WIDTH,
        vision_patch_size=PATCH,
        context_length=CONTEXT,
        vocab_size=rows,
        transformer_width=WIDTH,
        transformer_heads=WIDTH // 64,  # one for every 64 channels, as in every CLIP
        transformer_layers=TEXT_LAYERS,
    )


@torch.no_grad()
def centre_positions(model: Clip, longest: int) -> None:
    """Move what all positions share into the tokens; what the model computes stays the same.

    RPO's prompts start at the embeddings of end-of-text and CLS, without any position. After this
    CLIP's own tokens are there too: CLS has no position, those of the text have mean zero.
    """
    shared = model.positional_embedding[:longest].mean(dim=0)
    model.positional_embedding -= shared
    model.token_embedding.weight += shared
    model.visual.class_embedding += model.visual.positional_embedding[0]
    model.visual.positional_embedding[0] = 0


def save(model: Clip, words: Words, path: Path) -> None:
    """Write OpenAI's state dict in half precision, with only the learned token embeddings."""
    tensors = {name: tensor.half() for name, tensor in model.state_dict().items()}
    rows = tensors.pop("token_embedding.weight")
    tensors["token_embedding.ids"] = words.ids
    tensors["token_embedding.rows"] = rows.clone()
    tensors["token_embedding.std"] = rows.float().std()
    tensors["token_embedding.vocabulary"] = torch.tensor(VOCABULARY)
    torch.save(tensors, path)
