"""scikit-learn's bases for an estimator; where it is not installed, just enough to serve."""

import inspect
from typing import Any

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import NotFittedError
except ImportError:

    class BaseEstimator:  # type: ignore[no-redef]
        """Parameters are what the constructor takes."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Every parameter by name."""
            names = inspect.signature(type(self).__init__).parameters
            return {name: getattr(self, name) for name in names if name != "self"}

    class ClassifierMixin:  # type: ignore[no-redef]
        """Nothing: accuracy is the estimator's own."""

    class NotFittedError(ValueError, AttributeError):  # type: ignore[no-redef]
        """It is used before it was fitted."""


__all__ = ["BaseEstimator", "ClassifierMixin", "NotFittedError"]
