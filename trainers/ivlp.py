"""IVLP in Dassl; the method itself is `rpo.methods.ivlp`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import ivlp
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class IVLP(PromptTrainer):
    """Saves the prompts of both encoders."""

    method = ivlp.IVLP
    section = "IVLP"
    learner_name = "VLPromptLearner"
