"""ProLIP in Dassl; the method itself is `rpo.methods.prolip`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import prolip
from rpo.registration import register

from .features import FeatureTrainer


@register(TRAINER_REGISTRY)
class ProLIP(FeatureTrainer):
    """Saves `vit_proj` or, of a ResNet, `linear.weight` and `linear.bias`. An epoch is one step."""

    method = prolip.ProLIP
    section = "PROLIP"
    learner_name = "prolip"
    full_batch = True
    # Of Adam, where the released program has another one than PyTorch.
    further_keys = {"EPS": 1e-4}

    def view_of(self, epoch: int) -> int:
        """From the second one on, and the first in the end."""
        return (epoch + 1) % self.options.VIEWS
