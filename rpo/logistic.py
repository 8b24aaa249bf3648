"""Logistic regression, and the search for its regularisation (CLIP, appendix A.3)."""

import warnings
from collections.abc import Callable

import numpy as np

# Powers of ten for C, the inverse of the regularisation: first these, then ever finer around the
# best, down to eight steps in a decade.
COARSE = range(-6, 7, 2)
FINE = (1.0, 0.5, 0.25, 0.125)


def search(score: Callable[[float], float]) -> float:
    """The power of ten with the highest score, to an eighth; of equals the first that was tried."""
    best = max(COARSE, key=score)
    peak, power = score(best), float(best)
    for step in FINE:
        for candidate in (power - step, power + step):
            if (reached := score(candidate)) > peak:
                peak, power = reached, candidate
    return power


def fit(features: np.ndarray, labels: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Weight (classes, embedding) and bias (classes,) of a logistic regression."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = int(labels.max()) + 1
    if classes == 1:
        return np.zeros((1, features.shape[1])), np.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 1,000 steps, as in the paper
        model = LogisticRegression(C=strength, max_iter=1000).fit(features, labels)
    if classes == 2:  # scikit-learn keeps only the second class's row
        return np.vstack([-model.coef_, model.coef_]) / 2, np.repeat(model.intercept_, 2) * [
            -0.5,
            0.5,
        ]
    return model.coef_, model.intercept_
