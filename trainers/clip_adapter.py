"""CLIP-Adapter in Dassl; the method itself is `rpo.methods.clip_adapter`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import clip_adapter
from rpo.registration import register

from .features import FeatureTrainer


@register(TRAINER_REGISTRY)
class CLIPAdapter(FeatureTrainer):
    """Saves `fc.0.weight` and `fc.2.weight`. ImageNet has a single text a class, too."""

    method = clip_adapter.CLIPAdapter
    section = "CLIPADAPTER"
    learner_name = "clip_adapter"
    imagenet_templates = ()
