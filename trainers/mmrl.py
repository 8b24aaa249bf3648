"""MMRL in Dassl; the method itself is `rpo.methods.mmrl`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import mmrl
from rpo.methods.known import KnownTexts
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class MMRL(PromptTrainer):
    """Saves tokens, projections, and the texts of the classes that were trained on."""

    method = mmrl.MMRL
    section = "MMRL"
    learner_name = "MultiModalRepresentationLearner"

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """As the others; parameters of the released program do not say which classes they know,
        and are taken to know these, unless DATASET.SUBSAMPLE_CLASSES is new."""
        super().load_model(directory, epoch)
        known = self.model.prompt_learner.known
        if not known.texts() and self.cfg.DATASET.SUBSAMPLE_CLASSES != "new":
            self.model.prompt_learner.known = KnownTexts(self.model.own_texts).to(self.device)
