"""CoOp in Dassl; the method itself is `rpo.methods.coop`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import coop
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class CoOp(PromptTrainer):
    """Saves `ctx`."""

    method = coop.CoOp
    section = "COOP"
    words_decide = True
