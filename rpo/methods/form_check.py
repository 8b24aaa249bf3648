"""Whether the two forms of RPO, which stand in `rpo.methods.rpo`, compute the same."""

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rpo.clip.towers import image_tower, text_tower

# How far unit-length outputs of the two forms may lie apart in float32.
TOLERANCE = 1e-3


class FormsDisagreeError(RuntimeError):
    """The cached form does not compute what the definition does."""


@torch.no_grad()
def check_form(model: Any, images: Tensor, definition: Any, fast: Any) -> None:
    """Compares a fast form with the definition, on one image and a few class texts.

    In float32, whatever the towers compute in: the rounding of half precision hides changes.

    Args:
        model: an RPO.
        images: (batch, 3, height, width).

    Raises:
        FormsDisagreeError: as after a change to one of them; the largest difference is named.
    """
    order = model.lengths.argsort()
    chosen = order[[0, len(order) // 2, -1]].unique()  # the shortest, a middle and the longest
    half = model.image_tower.dtype != torch.float32
    clip = copy.deepcopy(model.clip).float() if half else model.clip
    texts = text_tower(clip), model.ids[chosen], model.lengths[chosen]
    sides: dict[str, tuple[Any, ...]] = {
        "read_images": (image_tower(clip), images[:1].float(), model.prompt_learner.img_prompt),
        "read_texts": (*texts, model.prompt_learner.text_prompt),
    }
    for name, (tower, *inputs) in sides.items():
        with torch.autocast(images.device.type, enabled=False):
            outputs = [
                normalize(tower.project(getattr(form, name)(tower, *inputs)).float(), dim=-1)
                for form in (definition, fast)
            ]
        difference = (outputs[0] - outputs[1]).norm(dim=-1).max().item()
        if difference > TOLERANCE:
            names = " and ".join(f"{type(form).__name__}.{name}" for form in (definition, fast))
            raise FormsDisagreeError(
                f"{names} of rpo/methods/rpo.py disagree: outputs of unit length lie up to "
                f"{difference:.2g} apart. If the definition (or attention_mask) was changed on "
                "purpose, choose it: TRAINER.RPO.FORM masked"
            )
