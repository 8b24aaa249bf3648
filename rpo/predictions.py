"""What a run said of every test image: predictions.npz, plain arrays beside its results.json.

    paths          (images,)       below the dataset's image folder, as its split has them
    labels         (images,)       the true class, a place in `class_names` of results.json
    classes        (images, top)   the classes with the highest scores, the prediction first
    probabilities  (images, top)   of these classes, float32

NumPy alone, so that a report reads them too.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Predictions(NamedTuple):
    """Of the test images of one run; see above."""

    paths: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each prediction is the true class, (images,)."""
        return self.classes[:, 0] == self.labels


def make_predictions(
    paths: Sequence[str], labels: Any, classes: Any, probabilities: Any
) -> Predictions:
    """Predictions of anything that NumPy takes for arrays.

    Raises:
        ValueError: the arrays are not of the same images.
    """
    made = Predictions(
        np.asarray(paths, dtype=np.str_),
        np.asarray(labels, dtype=np.int32),
        np.asarray(classes, dtype=np.int32),
        np.asarray(probabilities, dtype=np.float32),
    )
    check(made)
    return made


def check(predictions: Predictions) -> None:
    """Raises ValueError unless shapes and kinds are as they must be.

    The message is the end of a sentence on the file.
    """
    images = predictions.paths.shape
    kinds = "".join(array.dtype.kind for array in predictions)
    if kinds != "Uiif":
        raise ValueError(f"it holds arrays of the kinds {kinds}, not Uiif")
    if len(images) != 1 or predictions.labels.shape != images:
        raise ValueError(f"it has {images} paths and {predictions.labels.shape} labels")
    shape = predictions.classes.shape
    if len(shape) != 2 or shape[:1] != images or predictions.probabilities.shape != shape:
        raise ValueError(
            f"it has classes {shape} and probabilities {predictions.probabilities.shape} for "
            f"{images[0]} paths"
        )
    if not shape[1] or not images[0]:
        raise ValueError("it has no predictions")


def pack(predictions: Predictions) -> bytes:
    """The content of predictions.npz; the same predictions give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **predictions._asdict())
    return buffer.getvalue()


def read_predictions(path: Path) -> Predictions:
    """The predictions in a file, of which nothing is ever run.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = Predictions(**{name: file[name] for name in Predictions._fields})
        check(found)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} is damaged: {error}") from error
    return found
