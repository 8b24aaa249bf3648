"""What methods share that use CLIP's features and train nothing of it."""

import torch
from torch import Tensor

from rpo.clip.load import load_clip

from .record import RecordedTrainer


class FrozenTrainer(RecordedTrainer):
    """Holds CLIP: in OpenAI's mix of float16 and float32 on a GPU, in float32 on a CPU.

    Class attributes, which `rpo run` asks of every trainer; where one is missing, it is as here:
        learns: whether there is anything to train, and so shots and seed.
        names_new_classes: whether it can be evaluated on classes that it was not trained on.
        scripts: its folder below scripts/ and output/ (default: the name of its module).
    """

    learns = True
    names_new_classes = True

    def load_clip(self) -> None:
        print(f"Loading CLIP (backbone: {self.cfg.MODEL.BACKBONE.NAME})")
        clip = load_clip(self.cfg.MODEL.BACKBONE.NAME)
        self.clip = (clip if self.device.type == "cuda" else clip.float()).to(self.device)

    @torch.no_grad()
    def image_features(self, images: Tensor) -> Tensor:
        """(batch, embedding)."""
        return self.clip.encode_image(images)
