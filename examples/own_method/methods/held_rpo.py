"""HeldRPO: RPO whose image prompts are held near CLIP, as an example of a method of one's own.

With v_k the feature of visual prompt k for an image, of unit length, and f CLIP's own feature of
that image, training lowers

    cross-entropy + W (1 - mean over images of cos(mean over k of v_k, f)).
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy

from rpo.methods import rpo
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(rpo.Settings):
    w: float = setting(1.0, "Weight of the distance to CLIP's own image features.", at_least=0)


class HeldRPO(rpo.RPO):
    """Learns `text_prompt` (K, text width) and `img_prompt` (K, visual width), as RPO."""

    traits = Traits(order=1010, colour="#7b3294", marker="P", folder="held_rpo")
    Settings = Settings

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.check(images)
        image_features = self.image_features(images)
        logits = self.logits(image_features, self.text_features())
        own = self.own_image_features(images).float()
        distance = 1 - cosine_similarity(image_features.mean(dim=1), own).mean()
        return cross_entropy(logits, labels) + self.settings.w * distance, logits
