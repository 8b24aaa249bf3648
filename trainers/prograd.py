"""ProGrad in Dassl; the method itself is `rpo.methods.prograd`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import prograd
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class ProGrad(PromptTrainer):
    """Saves `ctx`."""

    method = prograd.ProGrad
    section = "PROGRAD"
    dataset_templates = {
        "OxfordPets": "a type of pet, a photo of a {}.",
        "OxfordFlowers": "a type of flower, a photo of a {}.",
        "FGVCAircraft": "a type of aircraft, a photo of a {}.",
        "DescribableTextures": "a texture of {}.",
        "Food101": "a type of food, a photo of {}.",
    }
