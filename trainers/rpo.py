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
    # Stands in the released configs and means nothing: their text is DATASET.PROMPT, and
    # DATASET.TEMPLATE one of your own.
    further_keys = {"CTX_INIT": ""}
    underscores = "keep"
