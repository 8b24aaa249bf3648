"""A trained method at work: batches of images to probabilities."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rpo.clip.load import Clip
from rpo.clip.precision import autocast
from rpo.clip.preprocessing import Preprocessing
from rpo.inference.images import Source, prepared
from rpo.inference.trained import Trained
from rpo.methods.traits import known_traits


class Predictor:
    """The model of a trained method on a device.

    Args:
        trained: what was learnt.
        device: where it computes.
        clip: the backbone.
        source: where the tensors come from, for messages.
    """

    def __init__(
        self, trained: Trained, device: torch.device, clip: Clip, source: str = "what was learnt"
    ) -> None:
        self.trained, self.device = trained, device
        # Methods on features read their class texts when they are built, which takes the device.
        self.clip = (
            clip.to(device) if known_traits()[trained.description.method].features_only else clip
        )
        self.model = trained.build(self.clip, source).to(device)
        self.precision = trained.description.precision_on(device)

    def at_temperature(self, temperature: float) -> "Predictor":
        """The same with another temperature."""
        description = replace(self.trained.description, temperature=temperature)
        return Predictor(replace(self.trained, description=description), self.device, self.clip)

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """(batch, classes) in float32, before the temperature, for (batch, 3, height, width)."""
        with autocast(self.precision, self.device):
            return self.model(images.to(self.device)).float()

    def probabilities(self, images: Tensor) -> np.ndarray:
        """(batch, classes) in float64 for images (batch, 3, height, width)."""
        logits = self.logits(images).double() / self.trained.description.temperature
        return logits.softmax(dim=-1).cpu().numpy()

    def answers(
        self, sources: Iterable[Source], batch_size: int
    ) -> Iterator[tuple[Source, np.ndarray | Exception]]:
        """Each image in turn with its probabilities (classes,), or with the error of reading it.

        Raises:
            ValueError: the size of a batch is no number from 1 on.
        """
        if not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"batch_size is {batch_size!r}; it must be a whole number from 1 on")
        images = prepared(sources, self.preprocessing, 2 * batch_size)
        while batch := list(islice(images, batch_size)):
            tensors = [image for _, image in batch if isinstance(image, Tensor)]
            rows = iter(self.probabilities(torch.stack(tensors)) if tensors else ())
            for source, image in batch:
                yield source, image if isinstance(image, Exception) else next(rows)

    def calibrated(self, labelled: Sequence[tuple[Source, int]], batch_size: int) -> float:
        """The temperature with the least cross-entropy on labelled images.

        Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
        """
        images = prepared((source for source, _ in labelled), self.preprocessing, 2 * batch_size)
        logits = []
        while batch := [image for _, image in islice(images, batch_size)]:
            if unread := [image for image in batch if isinstance(image, Exception)]:
                raise unread[0]
            tensors = [image for image in batch if isinstance(image, Tensor)]
            logits.append(self.logits(torch.stack(tensors)).cpu())
        labels = torch.tensor([label for _, label in labelled])
        return fit_temperature(torch.cat(logits), labels)

    @property
    def preprocessing(self) -> Preprocessing:
        """What images go through."""
        return self.trained.description.preprocessing


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """What to divide logits (images, classes) by for the least cross-entropy with labels (images,).

    It is bounded to a hundredth and a hundred times CLIP's own, as there is no optimum where every
    label is right.
    """
    logits = logits.double().clone()
    log_temperature = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = cross_entropy(logits / bounded(log_temperature).exp(), labels)
        value.backward()
        return value

    optimizer.step(loss)
    return float(bounded(log_temperature.detach()).exp())


def bounded(log_temperature: Tensor) -> Tensor:
    """Within a hundredth and a hundred."""
    return log_temperature.clamp(np.log(0.01), np.log(100))
