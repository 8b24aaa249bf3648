"""PromptSRC in Dassl; the method itself is `rpo.methods.promptsrc`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import promptsrc
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class PromptSRC(PromptTrainer):
    """Saves the prompts of both encoders; after the last epoch, their mean over the epochs."""

    method = promptsrc.PromptSRC
    section = "PROMPTSRC"
    learner_name = "VLPromptLearner"
