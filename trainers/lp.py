"""LP in Dassl; the method itself is `rpo.methods.lp`."""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import lp
from rpo.registration import register

from .base import PromptTrainer

SLOT = "{cls_name}"  # where the released program has the class name


@register(TRAINER_REGISTRY)
class LP(PromptTrainer):
    """Saves `weight` (embedding, embedding) and `bias` (embedding,)."""

    method = lp.LP
    section = "LP"
    learner_name = "lp_layer"
    # The text of a class.
    further_keys = {"PROMPT": lp.LP.prompt.replace("{}", SLOT)}
    underscores = "keep"

    @classmethod
    def published_template(cls, cfg: Any) -> str:
        return cfg.TRAINER[cls.section].PROMPT.replace(SLOT, "{}")
