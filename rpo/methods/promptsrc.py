"""PromptSRC. Khattak, Wasim, Naseer, Khan, Yang, Khan: Self-regulating Prompts: Foundational Model
Adaptation without Forgetting, ICCV 2023, https://arxiv.org/abs/2307.06948.

IVLP's prompts, held near what they start from. With unit-length features v and t of images and
class texts, v0 and t0 those of the frozen CLIP (t0 of 60 templates), and p, p0 the probabilities of
both, training lowers

    cross-entropy + 25 mean |t - t0| + 10 mean |v - v0| + mean p0 log(p0 / p),

each mean over all entries, as in the released program, where the paper writes sums over an
embedding. In the end the mean of the prompts after each epoch is used, weighted by a Gaussian.

Three faults of the released program are not here: an interrupted run loses that mean, and ends with
plain prompts; CLIP's own weights are averaged along, in half precision; `PREC amp` cannot train.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, l1_loss, normalize

from rpo.clip.load import Clip
from rpo.clip.texts import class_texts
from rpo.methods import ivlp
from rpo.methods.base import cosine_logits
from rpo.methods.references import References
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(ivlp.Settings):
    n_ctx_vision: int = setting(4, "Prompts a layer of the image encoder.", at_least=1)
    n_ctx_text: int = setting(4, "Prompts a layer of the text encoder.", at_least=1)
    text_loss_weight: float = setting(25.0, "Of the distance of text features.", at_least=0)
    image_loss_weight: float = setting(10.0, "Of the distance of image features.", at_least=0)
    gpa_mean: float = setting(15.0, "The epoch whose prompts count most in the end.")
    gpa_std: float = setting(1.0, "How many epochs around it count, as one sigma.", at_least=1e-3)


class PromptSRC(ivlp.IVLP):
    """Learns the prompts of both encoders, under the names of IVLP."""

    traits = Traits(order=95, colour="#b15928", marker="d", folder="promptsrc")
    Settings = Settings

    def __init__(
        self, clip: Clip, names: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, names, settings, **fields)
        lists = (class_texts(names, template, "{}") for template in imagenet_templates())
        self.references = References(clip, *lists)

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits, image_features, text_features = self.logits_and_features(images)
        own_images, own_texts = self.own_image_features(images), self.references.features()
        own_logits = cosine_logits(own_images, own_texts, self.clip)
        divergence = kl_div(
            logits.log_softmax(-1), own_logits.log_softmax(-1), reduction="none", log_target=True
        )
        held = self.settings.image_loss_weight * distance(image_features, own_images)
        held += self.settings.text_loss_weight * distance(text_features, own_texts)
        return cross_entropy(logits, labels) + held + divergence.mean(), logits

    @torch.no_grad()
    def end_epoch(self, optimizer: torch.optim.Optimizer, epoch: int, epochs: int) -> None:
        """Adds the prompts to their mean, which takes their place after the last epoch."""
        share = float(epoch_weights(self.settings, epochs)[epoch - 1])
        for parameter in self.learner().parameters():
            state = optimizer.state[parameter]
            state["mean"] = state.get("mean", 0) + share * parameter
            if epoch == epochs:
                parameter.copy_(state["mean"])


def distance(features: Tensor, own: Tensor) -> Tensor:
    """The mean absolute difference, (), of features that are brought to unit length."""
    return l1_loss(normalize(features.float(), dim=-1), normalize(own.float(), dim=-1))


def epoch_weights(settings: Settings, epochs: int) -> Tensor:
    """What each epoch's prompts count, (epochs,): a Gaussian over the epochs, of sum 1."""
    epoch = torch.arange(1, epochs + 1, dtype=torch.float64)
    return (-(((epoch - settings.gpa_mean) / settings.gpa_std) ** 2) / 2).softmax(dim=0)


def imagenet_templates() -> list[str]:
    """The 60 of PromptSRC's program, of the 80 that the authors of CLIP wrote for ImageNet."""
    return (files("rpo.assets") / "imagenet_templates.txt").read_text("utf-8").splitlines()
