"""TaskRes in Dassl; the method itself is `rpo.methods.task_res`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import task_res
from rpo.methods.zero_shot import IMAGENET_TEMPLATES
from rpo.registration import register

from .class_texts import PLAIN_TEMPLATE
from .features import FeatureTrainer


@register(TRAINER_REGISTRY)
class TaskRes(FeatureTrainer):
    """Saves `text_feature_residuals` and `base_text_features`."""

    method = task_res.TaskRes
    section = "TASKRES"
    underscores = "keep"
    imagenet_templates = (*IMAGENET_TEMPLATES, PLAIN_TEMPLATE)
