"""The classical linear probe. Radford et al.: Learning Transferable Visual Models From Natural
Language Supervision, ICML 2021, appendix A.3, https://arxiv.org/abs/2103.00020.

Logistic regression on CLIP's image features, its regularisation chosen on validation images. It
knows nothing of text, and so nothing of a class without images: `LP` is another thing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dassl.data.data_manager import build_data_loader
from dassl.data.transforms import build_transform
from dassl.engine import TRAINER_REGISTRY
from dassl.utils import load_checkpoint
from torch import Tensor, nn
from yacs.config import CfgNode

from rpo.checkpoints import find_checkpoint, load_parameters
from rpo.logistic import fit, search
from rpo.registration import register

from .frozen import FrozenTrainer

FOLDER = "logistic_probe"


class Probe(nn.Linear):
    """Weight (classes, embedding), bias (classes,), and the names of the classes as bytes."""

    class_names: Tensor

    def __init__(self, size: int, names: Sequence[str]) -> None:
        super().__init__(size, len(names))
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        encoded = "\n".join(names).encode()
        self.register_buffer("class_names", torch.tensor(list(encoded), dtype=torch.uint8))


@register(TRAINER_REGISTRY)
class LogisticProbe(FrozenTrainer):
    """Saves `weight`, `bias` and `class_names`. The images are not augmented."""

    section = "LOGISTICPROBE"
    names_new_classes = False

    @classmethod
    def add_config(cls, cfg: Any) -> None:
        cfg.TRAINER.LOGISTICPROBE = CfgNode(
            {
                # Inverse strength of the regularisation. 0: chosen on validation images.
                "C": 0.0,
            }
        )

    def build_model(self) -> None:
        self.load_clip()
        self.max_epoch = 1
        size = self.clip.text_projection.shape[1]
        self.probe = Probe(size, self.dm.dataset.classnames).to(self.device)
        self.register_model(FOLDER, self.probe)

    def run_epoch(self) -> None:
        """All of the training."""
        features, labels = self.encode(self.dm.dataset.train_x)
        strength = self.cfg.TRAINER.LOGISTICPROBE.C or self.choose_strength(features, labels)
        print(f"Logistic regression on {len(labels)} images with C = {strength:.3g}")
        self.use(*fit(features, labels, strength))

    def choose_strength(self, features: np.ndarray, labels: np.ndarray) -> float:
        """The C with the highest accuracy on validation images.

        Raises:
            ValueError: there are none that are not also test images.
        """
        dataset = self.dm.dataset
        tested = {item.impath for item in dataset.test}
        items = [item for item in dataset.val or [] if item.impath not in tested]
        if not items:
            raise ValueError(
                f"{self.cfg.DATASET.NAME} has no validation images of its own to choose the "
                "regularisation on: give it, for example TRAINER.LOGISTICPROBE.C 0.316"
            )
        images, truth = self.encode(items)

        def accuracy(power: float) -> float:
            weight, bias = fit(features, labels, 10.0**power)
            return float(np.mean((images @ weight.T + bias).argmax(axis=1) == truth))

        return 10.0 ** search(accuracy)

    def encode(self, items: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Features (images, embedding) and labels (images,), seen as in a test."""
        loader = build_data_loader(
            self.cfg,
            data_source=items,
            batch_size=self.cfg.DATALOADER.TEST.BATCH_SIZE,
            tfm=build_transform(self.cfg, is_train=False),
            is_train=False,
        )
        batches = [self.parse_batch_test(batch) for batch in loader]
        features = torch.cat([self.image_features(images).float() for images, _ in batches])
        return features.cpu().numpy(), torch.cat([labels for _, labels in batches]).cpu().numpy()

    @torch.no_grad()
    def use(self, weight: np.ndarray, bias: np.ndarray) -> None:
        """Makes the probe of weight (classes, embedding) and bias (classes,)."""
        self.probe.weight.copy_(torch.from_numpy(weight))
        self.probe.bias.copy_(torch.from_numpy(bias))

    @torch.no_grad()
    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        return self.probe(self.image_features(images).float())

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Loads a probe for the very same classes.

        Raises:
            ValueError: it was fitted to other classes.
        """
        path = find_checkpoint(Path(directory) / FOLDER, epoch)
        state = load_checkpoint(str(path))["state_dict"]
        learnt, wanted = (
            bytes(names.tolist()).decode().split("\n")
            for names in (state["class_names"], self.probe.class_names)
        )
        if learnt != wanted:
            raise ValueError(
                f"{path} was fitted to the classes {', '.join(learnt)}. A classical probe cannot "
                f"name classes that it has seen no images of: {', '.join(wanted)}. LP can"
            )
        load_parameters(self.probe, state, path)
        self.record_origin(directory)
