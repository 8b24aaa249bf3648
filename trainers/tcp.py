"""TCP in Dassl; the method itself is `rpo.methods.tcp`."""

from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.methods import tcp
from rpo.methods.context import context_texts, initial_words
from rpo.registration import register

from .base import PromptTrainer

# What stands in the place of the class name and of the full stop behind it.
NAMES = {
    "OxfordPets": "{}, a type of pet.",
    "OxfordFlowers": "{}, a type of flower.",
    "FGVCAircraft": "{}, a type of aircraft.",
    "DescribableTextures": "{} texture.",
    "StanfordCars": "{}, a type of car",
    "Food101": "{}, a type of food.",
    "UCF101": "person doing {}.",
}


@register(TRAINER_REGISTRY)
class TCP(PromptTrainer):
    """Saves `ctx` and `meta_net.linear1`, `meta_net.linear2` with weight and bias."""

    method = tcp.TCP
    section = "TCP"
    words_decide = True
    dataset_templates = {
        "FGVCAircraft": "a photo of an aircraft {}.",
        "DescribableTextures": "a photo of a {}, a type of texture.",
        "Food101": "a photo of a {}, a type of food.",
    }

    @classmethod
    def templates(cls, cfg: Any, dataset: Any) -> list[str]:
        """Of the text with the context's places, and of the hand-written one."""
        chosen = cls.settings(cfg)
        _, count = initial_words(chosen.ctx_init, chosen.n_ctx)
        (sentence,) = context_texts([""], "", count)
        learnt = sentence.removesuffix(".") + NAMES.get(cfg.DATASET.NAME, "{}.")
        return [learnt, *super().templates(cfg, dataset)[1:]]

    def build_model(self) -> None:
        super().build_model()
        for group in self.optim.param_groups:
            if "eps" in group:
                group["eps"] = self.model.settings.eps
