"""MaPLe in Dassl; the method itself is `rpo.methods.maple`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import maple
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class MaPLe(PromptTrainer):
    """Saves the prompts and projections, all as `prompt_learner.<name>`."""

    method = maple.MaPLe
    section = "MAPLE"
    learner_name = "MultiModalPromptLearner"
