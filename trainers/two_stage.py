"""2SFS in Dassl; the method itself is `rpo.methods.two_stage`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import two_stage
from rpo.registration import register

from .iterations import StepTrainer


@register(TRAINER_REGISTRY)
class TwoStage(StepTrainer):
    """Saves the normalisations, and the classifier with the texts of its classes."""

    method = two_stage.TwoStage
    section = "TWOSTAGE"
    learner_name = "two_stage"

    def stages(self) -> list[int]:
        steps = sum(super().stages())
        first = self.model.settings.first_stage(steps)
        return [first, steps - first]
