"""Attention maps of the visual prompts: their attention over an image, in one layer of CLIP.

The numbers are those of the model: the query vectors of a prompt meet the frozen keys of every
layer, as in `rpo.attention.read_only_pass`; CLS is there for comparison. As CLIP's tokens never
see a prompt, a copy of CLS that reads like a prompt has exactly the attention of CLS itself.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from rpo.attention import frozen_layers, read_only_pass
from rpo.methods.rpo import RPO


class AttentionMaps(NamedTuple):
    """Attention over CLS and then the patches, row by row; the mean over heads. It sums to 1."""

    class_token: Tensor  # (batch, 1 + patches)
    prompts: Tensor  # (batch, K, 1 + patches)


def check_visual_prompts(model: RPO) -> None:
    """Raises ValueError for a model without read-only prompts on its images."""
    if not model.settings.read_only:
        raise ValueError(
            "prompts that are not read-only (TRAINER.RPO.READ_ONLY False) are not shown"
        )
    if model.modality == "text":
        raise ValueError("there are no visual prompts with TRAINER.RPO.MODALITY text")


@torch.no_grad()
def attention_maps(model: RPO, images: Tensor, layer: int) -> AttentionMaps:
    """The attention of CLS and of every visual prompt.

    Args:
        images: (batch, 3, height, width).
        layer: from 1 to the number of layers.

    Raises:
        ValueError: there is no such layer, or there are no read-only visual prompts.
    """
    check_visual_prompts(model)
    tower = model.image_tower
    if not 1 <= layer <= len(tower.blocks):
        raise ValueError(f"there is no layer {layer}; the image encoder has {len(tower.blocks)}")
    tokens = tower.embed(images)
    prompts = tower.embed_prompts(model.prompt_learner.img_prompt).expand(len(tokens), -1, -1)
    readers = torch.cat([tower.reader(tokens), prompts], dim=1)
    *before, (block, keys, _) = frozen_layers(tower.blocks[:layer], tokens)
    queries = block.queries(read_only_pass(before, readers))
    scores = queries.float() @ keys.float().mT / queries.shape[-1] ** 0.5
    weights = scores.softmax(dim=-1).mean(dim=1)
    return AttentionMaps(weights[:, 0], weights[:, 1:])


def spread(maps: AttentionMaps) -> float:
    """The largest difference of any prompt from the mean of all, at any patch; 0 to 1."""
    patches = maps.prompts[..., 1:]
    return (patches - patches.mean(dim=1, keepdim=True)).abs().max().item()


def most_different(prompts: Tensor, count: int) -> list[int]:
    """The indices of `count` prompts of (batch, K, tokens) whose attention differs most.

    The first is the farthest from the mean of all, each further one the farthest from its nearest
    among those chosen; in rising order.
    """
    rows = prompts.transpose(0, 1).flatten(1)
    if len(rows) <= count:
        return list(range(len(rows)))
    nearest = (rows - rows.mean(dim=0)).norm(dim=1)
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(int(nearest.argmax()))
        distances = (rows - rows[chosen[-1]]).norm(dim=1)
        nearest = distances if len(chosen) == 1 else nearest.minimum(distances)
    return sorted(chosen)
