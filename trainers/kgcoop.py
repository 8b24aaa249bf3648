"""KgCoOp in Dassl; the method itself is `rpo.methods.kgcoop`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import kgcoop
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class KgCoOp(PromptTrainer):
    """Saves `ctx`."""

    method = kgcoop.KgCoOp
    section = "KGCOOP"
    words_decide = True
    dataset_templates = {"DescribableTextures": "a photo of a {}, a type of texture."}
