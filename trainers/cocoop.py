"""CoCoOp in Dassl; the method itself is `rpo.methods.cocoop`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import cocoop
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class CoCoOp(PromptTrainer):
    """Saves `ctx` and `meta_net.linear1`, `meta_net.linear2` with weight and bias."""

    method = cocoop.CoCoOp
    section = "COCOOP"
    words_decide = True
