"""What the methods share that see nothing of an image but CLIP's own feature.

The image encoder never changes, so an image, or a random view of it, is encoded once and kept as
a vector: what the encoder computes before its last, linear layer, at its own length. From it
follow the feature, and what a method makes of the feature, in microseconds.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rpo.clip.last_layer import last_layer, without_last_layer
from rpo.clip.load import Clip
from rpo.methods.base import Method
from rpo.methods.class_texts import ClassTexts


class BesideTexts(nn.Module):
    """What is learnt for each class beside `base_text_features` (classes, embedding), its text's.

    They are saved with it, and tell which classes it was learnt for.
    """

    base_text_features: Tensor

    def __init__(self, texts: Tensor) -> None:
        super().__init__()
        self.register_buffer("base_text_features", texts.clone())


class FeatureMethod(Method):
    """A method on features. It takes images, or vectors that were made of images before.

    A subclass says what logits follow from features and, if it starts from the training images,
    overrides `make_room` and `begin`.

    Class attributes:
        unit_texts: whether the features of several texts of a class have unit length before and
            after they are averaged; otherwise CLIP's own are averaged.
    """

    takes = "texts"
    unit_texts: ClassVar[bool] = True

    def __init__(
        self, clip: Clip, texts: Sequence[Any], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        self.class_texts = ClassTexts(clip, texts)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, classes) of images, or of vectors (batch, width) that stand for them."""
        return self.classify(self.features(images))

    def classify(self, features: Tensor) -> Tensor:
        """Features (batch, embedding) in float32 to logits (batch, classes)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what `classify` computes")

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """CLIP's own (batch, embedding) in float32, of images or vectors."""
        if images.dim() > 2:
            return self.own_image_features(images).float()
        layer = last_layer(self.clip)
        return (layer(images) if layer else images).float()

    @torch.no_grad()
    def vectors(self, images: Tensor) -> Tensor:
        """Images (batch, 3, height, width) to what is kept of them, (batch, width).

        Of an encoder whose last layer is not known that is the feature itself.
        """
        if last_layer(self.clip):
            return without_last_layer(self.clip)(images)
        return self.own_image_features(images)

    def class_features(self) -> Tensor:
        """CLIP's own text features (classes, embedding) in float32, computed once."""
        compute = self.class_texts.unit_mean if self.unit_texts else self.class_texts.mean
        return self.remembered.get(compute, [self.clip.logit_scale]).float()

    def make_room(self, labels: Tensor) -> None:
        """Takes the shape that training images with these labels (images,) need."""

    def begin(self, views: Tensor, labels: Tensor) -> None:
        """Takes from the training images what the method starts from.

        Args:
            views: vectors (views, images, width), of so many views as `views_to_begin` says.
            labels: (images,).
        """

    @property
    def views_to_begin(self) -> int:
        """How many random views of each image `begin` needs."""
        return 0

    @property
    def views_in_turn(self) -> int:
        """How many random views the epochs go through: the setting `views`. 0: each has its own."""
        return getattr(self.settings, "views", 0)
