"""KgCoOp. Yao, Zhang, Xu: Visual-Language Prompt Tuning with Knowledge-guided Context Optimization,
CVPR 2023, https://arxiv.org/abs/2303.13283.

CoOp whose class texts are held near those of a hand-written template: with t_c the feature of class
c by the learnt context and w_c that of its hand-written text, training lowers

    cross-entropy + W (1 - mean over c of cos(t_c, w_c)).

As in the released program, the distance is a cosine, where the paper writes the squared Euclidean
one, which is twice that for unit vectors; and textures have another hand-written text than for
zero-shot CLIP. Two faults of the program change no published number: it saves a network that it
never uses (such checkpoints load), and cannot train in mixed precision (`PREC amp`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy

from rpo.clip.load import Clip
from rpo.methods import coop
from rpo.methods.references import References, names_and_texts
from rpo.methods.settings import setting
from rpo.methods.traits import Traits


@dataclass(frozen=True)
class Settings(coop.Settings):
    n_ctx: int = setting(4, "Context vectors, if they start at random.", at_least=1)
    ctx_init: str = setting(
        "a photo of a", "Words to start from, one vector a word. Empty: random vectors."
    )
    w: float = setting(8.0, "Weight of the distance to the hand-written texts.", at_least=0)


class KgCoOp(coop.CoOp):
    """Learns `ctx`.

    Args:
        classes: names, which are held near "a photo of a <name>."; or names and a text of each.
    """

    traits = Traits(order=52, colour="#6a3d9a", marker="H", folder="kgcoop")
    Settings = Settings
    takes = "both"
    unused = ("bias_vectors", "meta_net.linear1.weight", "meta_net.linear1.bias")

    def __init__(
        self, clip: Clip, classes: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        names, texts = names_and_texts(classes)
        super().__init__(clip, names, settings, **fields)
        self.references = References(clip, texts)

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits, _, text_features = self.logits_and_features(images)
        distance = self.references.distance(text_features)
        return cross_entropy(logits, labels) + self.settings.w * distance, logits
