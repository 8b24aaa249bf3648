"""The classical linear probe in Dassl; the method itself is `rpo.methods.logistic_probe`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dassl.data.data_manager import build_data_loader
from dassl.data.transforms import build_transform
from dassl.engine import TRAINER_REGISTRY
from dassl.utils import load_checkpoint

from rpo.checkpoints import find_checkpoint, load_parameters
from rpo.methods import logistic_probe
from rpo.registration import register

from .method import MethodTrainer


@register(TRAINER_REGISTRY)
class LogisticProbe(MethodTrainer):
    """Saves `weight`, `bias` and `class_names`. The images are not augmented."""

    method = logistic_probe.LogisticProbe
    section = "LOGISTICPROBE"
    learner_name = "logistic_probe"
    # What CLIP's authors found on ImageNet.
    without_validation = {"C": 0.316}

    def build_model(self) -> None:
        print(f"Loading CLIP (backbone: {self.cfg.MODEL.BACKBONE.NAME})")
        self.max_epoch = 1
        self.build_method()
        self.register_model(self.learner_name, self.model.learner())

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        if key.startswith(("OPTIM.", "DATALOADER.TRAIN_X.")):
            return "it is fitted at once, not in steps"
        return super().unread(cfg, key)

    @classmethod
    def inputs(cls, cfg: Any, dataset: Any, names: Sequence[str]) -> list[Any]:
        """The names as they are, which tell whether a saved probe fits."""
        return list(names)

    def say_texts(self, dataset: Any) -> None:
        """Nothing: it reads no text."""

    def run_epoch(self) -> None:
        """All of the training."""
        train = self.encode(self.dm.dataset.train_x)
        strength = self.options.C or self.choose_strength(train)
        print(f"Logistic regression on {len(train[1])} images with C = {strength:.3g}")
        self.model.fit(*train, strength)

    def choose_strength(self, train: tuple[np.ndarray, np.ndarray]) -> float:
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
        return logistic_probe.best_strength(train, self.encode(items))

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
        features = torch.cat(
            [self.model.own_image_features(images).float() for images, _ in batches]
        )
        return features.cpu().numpy(), torch.cat([labels for _, labels in batches]).cpu().numpy()

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Loads a probe for the very same classes.

        Raises:
            ValueError: it was fitted to other classes.
        """
        path = find_checkpoint(Path(directory) / self.learner_name, epoch)
        state = load_checkpoint(str(path)).get("state_dict")
        probe = self.model.learner()
        named = probe.class_names if state is None else state.get("class_names", probe.class_names)
        learnt, wanted = (
            bytes(names.tolist()).decode().split("\n") for names in (named, probe.class_names)
        )
        if learnt != wanted:
            raise ValueError(
                f"{path} was fitted to the classes {', '.join(learnt)}. A classical probe cannot "
                f"name classes that it has seen no images of: {', '.join(wanted)}. LP can"
            )
        load_parameters(probe, state, path)
        self.record_origin(directory, epoch)
