"""`FewShotClassifier`: any method as a model that one fits, calls, saves and loads."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from rpo.clip.load import absolute_name, is_of_files
from rpo.clip.preprocessing import Preprocessing
from rpo.inference.devices import find_device
from rpo.inference.estimator import BaseEstimator, ClassifierMixin, NotFittedError
from rpo.inference.folder import fetch, push, read_folder, write_folder
from rpo.inference.images import Source
from rpo.inference.predictor import Predictor
from rpo.inference.sources import labelled_images, listed_images, unlabelled_images
from rpo.inference.trained import Trained


def plain(value: Any) -> Any:
    """A number of NumPy, as those that grids of scikit-learn consist of, as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


class FewShotClassifier(ClassifierMixin, BaseEstimator):
    """CLIP, adapted to your classes from a handful of labelled images.

    Args:
        method: as in `rpo methods`: "RPO", "CoOp", "MaPLe", ...
        backbone: as of `rpo.load_clip`: "ViT-B/16", ..., "tiny", or the file of a checkpoint.
        template: the text of a class, "{}" for its name; None: the method's published one. Methods
            that learn the words do not read it.
        shots: training images a class, drawn by the seed; 0 or less: all there are.
        seed: of the sample, the start and the order of the images.
        config: the method's settings, a file of configs/trainers/<method> without ".yaml", or the
            path of one; None: the published ones.
        options: further keys of the configuration, as {"OPTIM.MAX_EPOCH": 5}.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: of the backbone, "fp32", "fp16", "bf16" or "amp"; "auto": fp16 on CUDA, else
            fp32.
        batch_size: images at once in predictions.
        progress: whether bars are shown.

    Attributes:
        classes_: class names, in the order of the probabilities.
        trained_: what was learnt, with its description (`rpo.inference.trained.Trained`).
        model_: the method itself (`rpo.methods`), on `device_`.
        preprocessing_: an image of Pillow to what the model takes (`rpo.inference.images`).
        calibration_: after `fit(..., calibrate=True)`: number of images, and the temperature.
    """

    classes_: np.ndarray
    trained_: Trained
    calibration_: dict[str, float]
    _learnt_from: Set[str] = frozenset()  # files of the last fit

    def __init__(
        self,
        method: str = "RPO",
        backbone: str = "ViT-B/16",
        template: str | None = None,
        shots: int = 16,
        seed: int = 1,
        config: str | None = None,
        options: Mapping[str, Any] | None = None,
        device: str = "auto",
        precision: str = "auto",
        batch_size: int = 100,
        progress: bool = True,
    ) -> None:
        self.method = method
        self.backbone = backbone
        self.template = template
        self.shots = shots
        self.seed = seed
        self.config = config
        self.options = options
        self.device = device
        self.precision = precision
        self.batch_size = batch_size
        self.progress = progress

    def fit(self, X: Any, y: Any = None, calibrate: bool = False) -> "FewShotClassifier":
        """Trains as `rpo train` does; interrupted, the classifier is what it was before.

        Args:
            X: a folder of class folders; a CSV of path,label; a DataFrame of such columns; a pair
                of images and labels; or images, as files or of Pillow, with `y`.
            y: the class name of each image.
            calibrate: whether a temperature is fitted on training images that the shots left over.

        Raises:
            ValueError, FileNotFoundError: what is given cannot be trained on; it is said why.
            KeyError: `options` have a key that there is not.
        """
        from rpo.inference.training import Plan, train  # which needs Dassl

        device = find_device(self.device)
        options = self.options or {}
        if isinstance(options, Mapping):
            options = {key: plain(value) for key, value in options.items()}
        plan = Plan(
            self.method, str(self.backbone), self.config, self.template, plain(self.shots),
            self.seed, device, self._precision(device), options,
        )  # fmt: skip
        trained, files, held_out = train(plan, X, y, self.progress, calibrate)
        predictor = Predictor(trained, device, trained.load_backbone(device))
        calibration = {}
        if calibrate:
            temperature, images = predictor.calibrated(held_out, self.batch_size), len(held_out)
            calibration = {"images": images, "temperature": temperature}
            if self.progress:
                print(f"Temperature {temperature:.3f}, fitted on {images:,} training images")
            predictor = predictor.at_temperature(temperature)
        self.calibration_, self._learnt_from = calibration, files
        return self._use(predictor)

    def predict(self, X: Any) -> np.ndarray:
        """The class name of each image.

        Args:
            X: images, as files or of Pillow; or a folder of images.

        Raises:
            ValueError, FileNotFoundError: an image cannot be read; it is named.
        """
        return self.classes_of(self.predict_proba(X))

    def classes_of(self, probabilities: np.ndarray) -> np.ndarray:
        """The likeliest class name for each row of probabilities (images, classes)."""
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (images, classes) in float64; see `predict`."""
        predictor = self._fitted()
        rows = []
        for _, row in predictor.answers(unlabelled_images(X), self.batch_size):
            if isinstance(row, Exception):
                raise row
            rows.append(row)
        return np.stack(rows) if rows else np.empty((0, len(self.classes_)))

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """The accuracy, between 0 and 1, on labelled images as `fit` takes them.

        Of a folder or a CSV that has a test part, that one counts.

        Raises:
            ValueError: a label is no class of the classifier.
        """
        images, labels = self._labelled(X, y)
        hits = self.predict(images) == np.asarray(labels)
        return float(np.average(hits, weights=sample_weight))

    def measure(self, X: Any, y: Any = None) -> float:
        """The accuracy in percent, as `score`, noted to be saved with the classifier.

        So is how many of the files it has just been fitted on, where there are any.
        """
        images, labels = self._labelled(X, y)
        name = str(X) if isinstance(X, (str, Path)) else "labelled images"
        percent = 100 * self.score(images, labels)
        accuracy = {"percent": percent, "measured_on": name, "images": len(images)}
        files = [os.path.realpath(each) for each in images if isinstance(each, (str, Path))]
        if learnt := sum(file in self._learnt_from for file in files):
            accuracy["learnt_from"] = learnt
            if self.progress:
                print(
                    f"warning: {learnt:,} of these {len(images):,} images were trained on, so that "
                    "the accuracy says little about new ones",
                    file=sys.stderr,
                )
        predictor = self._fitted()
        described = replace(predictor.trained.description, accuracy=accuracy)
        self.trained_ = predictor.trained = replace(predictor.trained, description=described)
        return percent

    def _labelled(self, X: Any, y: Any) -> tuple[list[Any], list[str]]:
        listed = y is None and isinstance(X, (str, Path))
        images, labels = listed_images(Path(X)) if listed else labelled_images(X, y)
        self._fitted()
        if strange := sorted(set(labels) - set(self.classes_)):
            raise ValueError(
                f"{', '.join(map(repr, strange[:5]))}: no class of the classifier, which knows "
                f"{', '.join(map(repr, self.classes_[:5].tolist()))}"
                + (f" and {len(self.classes_) - 5:,} others" if len(self.classes_) > 5 else "")
            )
        return images, labels

    def __call__(self, images: Any, top_k: int = 5) -> list[Any]:
        """The likeliest classes, [{"label": ..., "score": ...}, ...], as pipelines of transformers
        give them; a list of such for several images.

        Raises:
            ValueError: `top_k` is below 1; or as `predict`.
        """
        if not isinstance(top_k, (int, np.integer)) or top_k < 1:
            raise ValueError(f"top_k is {top_k!r}; it must be a whole number from 1 on")
        file = isinstance(images, (str, Path)) and not Path(images).is_dir()
        rows = [self.ranked(row, top_k) for row in self.predict_proba(images)]
        return rows[0] if file or isinstance(images, Image.Image) else rows

    def ranked(self, row: np.ndarray, top_k: int) -> list[dict[str, Any]]:
        """The `top_k` likeliest classes of one image's probabilities (classes,)."""
        order = np.argsort(-row, kind="stable")[:top_k]
        return [{"label": str(self.classes_[i]), "score": float(row[i])} for i in order]

    def answers(self, images: Iterable[Source]) -> Iterator[tuple[Source, Any]]:
        """Each image in turn with its probabilities (classes,), or with the error of reading it.

        However many there are, only a few are held at a time.
        """
        return self._fitted().answers(images, self.batch_size)

    def with_classes(self, names: Sequence[str]) -> "FewShotClassifier":
        """The same prompts for other classes, by name; nothing is trained.

        Raises:
            ValueError: the method has learnt something for each class, or names are missing.
        """
        predictor = self._fitted()
        trained = replace(self.trained_, description=self.trained_.description.for_classes(names))
        other = type(self)(**self.get_params(deep=False))
        other._learnt_from = self._learnt_from
        return other._use(Predictor(trained, predictor.device, predictor.clip))

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes model.safetensors, config.json and README.md.

        Raises:
            FileExistsError: the folder holds something else.
        """
        self._fitted()
        write_folder(self.trained_, Path(folder).expanduser())

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,
        backbone: str | None = None,
        device: str = "auto",
        batch_size: int = 100,
        **hub: Any,
    ) -> "FewShotClassifier":
        """A saved classifier: a folder, or the name of a repository of the Hugging Face Hub.

        Args:
            backbone: the file or name of the backbone, where it is not the recorded name.
            hub: options of `huggingface_hub.snapshot_download`: revision, token, ...

        It predicts as before. What only `fit` reads, `config` and `options`, is not saved.

        Raises:
            FileNotFoundError: it is not there. ValueError: it is damaged, of a newer version, or
                the backbone has other weights.
        """
        find_device(device)  # before anything is fetched
        path = Path(folder).expanduser()
        path = path if path.exists() else fetch(str(folder), **hub)
        return cls.of(read_folder(path), backbone, device, batch_size, str(path))

    @classmethod
    def of(
        cls,
        trained: Trained,
        backbone: str | None = None,
        device: str = "auto",
        batch_size: int = 100,
        source: str = "what was learnt",
    ) -> "FewShotClassifier":
        """A classifier of what was learnt; see `from_pretrained`.

        Args:
            source: where it comes from, for messages.
        """
        described = trained.description
        classifier = cls(
            described.method,
            backbone or described.backbone,
            described.templates[0] if len(described.templates) == 1 else None,
            described.trained_on.get("shots", 16),
            described.trained_on.get("seed", 1),
            device=device,
            batch_size=batch_size,
        )
        where = find_device(device)
        clip = trained.load_backbone(where, backbone)
        if backbone and is_of_files(described.backbone):  # which lie there now, also if saved again
            described = replace(described, backbone=absolute_name(str(backbone)))
            trained = replace(trained, description=described)
        return classifier._use(Predictor(trained, where, clip, source))

    def push_to_hub(self, repository: str, **options: Any) -> str:
        """Uploads the saved form to the Hugging Face Hub; returns the address of the commit.

        Args:
            options: private, token.
        """
        self._fitted()
        return push(self.trained_, repository, **options)

    def export_onnx(self, path: str | Path) -> None:
        """Writes image to class probabilities as ONNX; see `rpo.inference.onnx.export_onnx`."""
        from rpo.inference.onnx import export_onnx

        self._fitted()
        export_onnx(self.trained_, self.backbone, Path(path).expanduser())

    @property
    def model_(self) -> torch.nn.Module:
        return self._fitted().model

    @property
    def device_(self) -> torch.device:
        return self._fitted().device

    @property
    def preprocessing_(self) -> Preprocessing:
        return self._fitted().preprocessing

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: all but the backbone, which is read again as in `from_pretrained`, and where
        the training images lie here."""
        left_out = ("_predictor", "_learnt_from")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if "trained_" in state:
            device = find_device(self.device)
            clip = self.trained_.load_backbone(device, str(self.backbone))
            self._use(Predictor(self.trained_, device, clip))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        return tags

    def _use(self, predictor: Predictor) -> "FewShotClassifier":
        self._predictor, self.trained_ = predictor, predictor.trained
        self.classes_ = np.array(self.trained_.description.class_names)
        return self

    def _fitted(self) -> Predictor:
        if not hasattr(self, "_predictor"):
            raise NotFittedError(
                "this FewShotClassifier is not fitted yet: call fit, or load one with "
                "from_pretrained"
            )
        return self._predictor

    def _precision(self, device: torch.device) -> str:
        if self.precision != "auto":
            return self.precision
        return "fp16" if device.type == "cuda" else "fp32"
