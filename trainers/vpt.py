"""VPT in Dassl; the method itself is `rpo.methods.vpt`."""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import vpt
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class VPT(PromptTrainer):
    """Saves the prompts of the image encoder."""

    method = vpt.VPT
    section = "VPT"
    # The words before the class name. They do not learn.
    further_keys = {"CTX_INIT": "a photo of a"}

    @classmethod
    def published_template(cls, cfg: Any) -> str:
        words = cfg.TRAINER[cls.section].CTX_INIT.replace("_", " ")
        return f"{words} {{}}."
