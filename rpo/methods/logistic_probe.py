"""The classical linear probe. Radford et al.: Learning Transferable Visual Models From Natural
Language Supervision, ICML 2021, appendix A.3, https://arxiv.org/abs/2103.00020.

Logistic regression on CLIP's image features, its regularisation chosen on validation images. It
knows nothing of text, and so nothing of a class without images: `LP` is another thing.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rpo.clip.load import Clip
from rpo.clip.texts import listed
from rpo.clip.towers import text_tower
from rpo.methods import settings
from rpo.methods.base import Method
from rpo.methods.settings import setting
from rpo.methods.traits import Traits

# Powers of ten for C, the inverse of the regularisation: first these, then ever finer around the
# best, down to eight steps in a decade.
COARSE = range(-6, 7, 2)
FINE = (1.0, 0.5, 0.25, 0.125)


@dataclass(frozen=True)
class Settings(settings.Settings):
    c: float = setting(
        0.0,
        "Inverse strength of the regularisation. 0: chosen on validation images.",
        at_least=0,
    )


class Probe(nn.Linear):
    """Weight (classes, embedding), bias (classes,), and the names of the classes as bytes."""

    class_names: Tensor

    def __init__(self, size: int, names: Sequence[str]) -> None:
        super().__init__(size, len(listed(names)))
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        encoded = "\n".join(names).encode()
        self.register_buffer("class_names", torch.tensor(list(encoded), dtype=torch.uint8))


class LogisticProbe(Method):
    """Learns `weight` (classes, embedding) and `bias` (classes,), all at once, in `fit`."""

    traits = Traits(
        order=30,
        colour="#999933",
        marker="<",
        folder="logistic_probe",
        names_new_classes=False,
        features_only=True,
    )
    Settings = Settings

    def __init__(
        self, clip: Clip, names: Sequence[str], settings: Any = None, **fields: Any
    ) -> None:
        super().__init__(clip, settings, **fields)
        self.probe = Probe(text_tower(clip).embedding_size, names)

    def learner(self) -> nn.Module:
        return self.probe

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.probe(self.own_image_features(images).float())

    @torch.no_grad()
    def fit(self, features: np.ndarray, labels: np.ndarray, strength: float) -> None:
        """Fits the probe to features (images, embedding) and labels (images,)."""
        weight, bias = logistic_regression(features, labels, strength)
        self.probe.weight.copy_(torch.from_numpy(weight))
        self.probe.bias.copy_(torch.from_numpy(bias))


def best_strength(
    train: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray]
) -> float:
    """The C whose probe has the highest accuracy on validation features and labels."""
    images, truth = validation

    def accuracy(power: float) -> float:
        weight, bias = logistic_regression(*train, 10.0**power)
        return float(np.mean((images @ weight.T + bias).argmax(axis=1) == truth))

    return 10.0 ** search(accuracy)


def search(score: Callable[[float], float]) -> float:
    """The power of ten with the highest score, to an eighth; of equals the first that was tried."""
    best = max(COARSE, key=score)
    peak, power = score(best), float(best)
    for step in FINE:
        for candidate in (power - step, power + step):
            if (reached := score(candidate)) > peak:
                peak, power = reached, candidate
    return power


def logistic_regression(
    features: np.ndarray, labels: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (classes, embedding) and bias (classes,) of a logistic regression.

    Raises:
        FloatingPointError: a feature is infinite or NaN.
    """
    if not np.isfinite(features).all():
        raise FloatingPointError("image features are NaN or infinite: CLIP's weights are damaged")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = int(labels.max()) + 1
    if classes == 1:
        return np.zeros((1, features.shape[1])), np.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 1,000 steps, as in the paper
        model = LogisticRegression(C=strength, max_iter=1000).fit(features, labels)
    if classes == 2:  # scikit-learn keeps only the second class's row
        signs = np.array([-0.5, 0.5])
        return np.vstack([-model.coef_, model.coef_]) / 2, np.repeat(model.intercept_, 2) * signs
    return model.coef_, model.intercept_
