"""A trained method: what it states of itself, what it has learnt, and the model made of both."""

import contextlib
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import rpo
from rpo.checkpoints import load_parameters
from rpo.clip.load import Clip, load_clip, weights_sha256
from rpo.clip.preprocessing import Preprocessing
from rpo.clip.texts import class_inputs, read_alike

# Random state, standard output and environment belong to the process. Threads that set them wait
# for each other.
OF_THE_PROCESS = threading.RLock()


@contextlib.contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Gives PyTorch back its random state on the CPU."""
    with OF_THE_PROCESS, torch.random.fork_rng(devices=[]):
        yield


@dataclass(frozen=True)
class Description:
    """All but the tensors.

    Attributes:
        method: as in `rpo methods`.
        settings: of the method, by name.
        backbone: its name, or the path of its file.
        backbone_sha256: of its weights' file.
        precision: of the backbone, one of `rpo.clip.precision.PRECISIONS`.
        class_names: in the order of the probabilities.
        class_inputs: what the method reads of each class; see `rpo.clip.texts.class_inputs`.
        templates: of the class texts, "{}" for the name; empty where the method learns the words.
        underscores: in class names: read as "spaces", or "keep".
        temperature: that logits are divided by; 1 is CLIP's own.
        trained_on: shots and seed of the training and, as far as known, `images_per_class`, the
            least and the most that a class had.
        accuracy: percent, with what it was measured on; None where it was not measured.
        versions: of the libraries that it was trained with.
    """

    method: str
    settings: Mapping[str, Any]
    backbone: str
    backbone_sha256: str
    precision: str
    class_names: Sequence[str]
    class_inputs: Sequence[Any]
    templates: Sequence[str]
    underscores: str
    preprocessing: Preprocessing
    temperature: float = 1.0
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def for_classes(self, names: Sequence[str]) -> "Description":
        """The same for other classes.

        Raises:
            ValueError: the method cannot name classes that it has not seen, or names are no two
                different ones.
        """
        names = names if isinstance(names, str) or not isinstance(names, Iterable) else list(names)
        check_class_names(names)
        kind = getattr(rpo, self.method)
        if not kind.can_name_new_classes(kind.Settings(**self.settings)):
            raise ValueError(
                f"this {self.method} has learnt something for each of its own classes "
                f"({', '.join(self.class_names[:5])}) and cannot name others: "
                f"{', '.join(names[:5])}. RPO or LP can"
            )
        spaces = self.underscores == "spaces"
        read = [name.replace("_", " ") if spaces else name for name in names]
        return replace(
            self,
            class_names=list(names),
            class_inputs=class_inputs(read, self.templates),
            accuracy=None,
        )

    def precision_on(self, device: torch.device) -> str:
        """The recorded one; but float32 for float16 on a CPU, which is slow with it."""
        return "fp32" if self.precision == "fp16" and device.type == "cpu" else self.precision

    def as_json(self) -> dict[str, Any]:
        """Of plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Description":
        """Of what `as_json` gave; keys of no meaning here are left aside.

        Raises:
            ValueError: something is missing or of another kind; it is named.
        """
        values = {each.name: content[each.name] for each in fields(cls) if each.name in content}
        for name, kind in KINDS.items():
            if not isinstance(values.get(name), kind):
                raise ValueError(f"{name} is {values.get(name)!r}")
        values["preprocessing"] = Preprocessing.from_json(values["preprocessing"])
        if values["underscores"] not in ("spaces", "keep"):
            raise ValueError(f"underscores is {values['underscores']!r}; it can be spaces, keep")
        temperature = values.get("temperature", 1.0)
        if not isinstance(temperature, (int, float)) or not 0 < temperature < math.inf:
            raise ValueError(f"temperature is {temperature!r}; it must be a positive number")
        described = cls(**values)
        described.check_classes()
        return described

    def check_classes(self) -> None:
        """Raises ValueError unless every class has a name and what the method reads of it."""
        check_class_names(self.class_names)
        lists = self.class_inputs if len(self.templates) > 1 else [self.class_inputs]
        for texts in lists:
            if len(texts) != len(self.class_names) or not all(
                isinstance(one, str) for one in texts
            ):
                raise ValueError(f"class_inputs are no text for each class: {texts!r}")


KINDS: Mapping[str, type] = {
    "method": str,
    "settings": dict,
    "backbone": str,
    "backbone_sha256": str,
    "precision": str,
    "class_names": list,
    "class_inputs": list,
    "templates": list,
    "underscores": str,
    "preprocessing": dict,
}


class BackboneMismatchError(ValueError):
    """The backbone is not the one that the parameters were trained on."""


@dataclass(frozen=True)
class Trained:
    """A description and the learnt tensors by name."""

    description: Description
    tensors: Mapping[str, Tensor]

    def build(self, clip: Clip, source: str = "what was learnt") -> torch.nn.Module:
        """The method with its parameters, on a CLIP; the random state is left as it is.

        Args:
            source: where the tensors come from, for messages.

        Raises:
            ValueError: the tensors do not fit the method.
        """
        described = self.description
        kind = getattr(rpo, described.method)
        with random_numbers_kept():
            try:
                model = kind(clip, described.class_inputs, **described.settings)
            except TypeError as error:
                raise ValueError(f"settings of {described.method}: {error}") from error
        load_parameters(model.learner(), self.tensors, Path(source))
        return model.requires_grad_(False).eval()

    def load_backbone(self, device: torch.device, backbone: str | None = None) -> Clip:
        """The CLIP that it was trained on, in the precision for a device.

        Args:
            backbone: another name or file of the same weights; by default the recorded one.

        Raises:
            BackboneMismatchError: it has other weights; both hashes are named. ValueError,
                FileNotFoundError: it is not there.
        """
        name = backbone or self.description.backbone
        try:
            with random_numbers_kept():
                clip = load_clip(name, self.description.precision_on(device))
        except (FileNotFoundError, ValueError) as error:
            if backbone:
                raise
            kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
            raise kind(
                f"{error}. If the backbone of the training lies elsewhere now, --backbone, in "
                "Python backbone=, names it"
            ) from error
        there, wanted = weights_sha256(name, clip), self.description.backbone_sha256
        if there != wanted:
            raise BackboneMismatchError(
                f"this was trained on the backbone {self.description.backbone} with SHA-256 "
                f"{wanted}, and {name} has {there}"
            )
        return clip


def check_class_names(names: Sequence[str]) -> None:
    """Raises ValueError unless these are two or more names that CLIP does not read alike."""
    listed = isinstance(names, Iterable) and not isinstance(names, str)
    if not listed or any(not isinstance(name, str) or not name.strip() for name in names):
        raise ValueError(f"class names are a list of words, and this is {names!r}")
    if len(names) < 2:
        raise ValueError(f"two classes are the least, and these are {list(names)!r}")
    if twice := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(f"the class name {twice[0]!r} stands there more than once")
    if alike := read_alike(names):
        raise ValueError("CLIP reads the class names {!r} and {!r} alike".format(*alike))
