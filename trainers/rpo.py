"""RPO in Dassl; the method itself is `rpo.methods.rpo`."""

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import rpo
from rpo.registration import register

from .base import PromptTrainer


@register(TRAINER_REGISTRY)
class RPO(PromptTrainer):
    """Saves `text_prompt` (K, text width) and `img_prompt` (K, visual width)."""

    method = rpo.RPO
    section = "RPO"
    # Stands in the released configs and means nothing: the text is DATASET.PROMPT.
    further_keys = {"CTX_INIT": ""}
    underscores = "keep"
