"""HeldRPO in Dassl; the method itself is `methods/held_rpo.py`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import held_rpo
from rpo.registration import register
from rpo.trainers.base import PromptTrainer


@register(TRAINER_REGISTRY)
class HeldRPO(PromptTrainer):
    method = held_rpo.HeldRPO
    section = "HELDRPO"
    underscores = "keep"
