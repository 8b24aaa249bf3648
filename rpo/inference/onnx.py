"""A trained method as ONNX: images in, class probabilities out, class texts as a constant."""

import contextlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rpo.clip.load import load_clip
from rpo.inference.trained import Trained

INPUT, OUTPUT = "image", "probabilities"
# How far the file's probabilities may lie from PyTorch's, as measured after writing.
TOLERANCE = 1e-4


class Probabilities(nn.Module):
    """Class probabilities (batch, classes) of images (batch, 3, height, width)."""

    def __init__(self, model: nn.Module, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, images: Tensor) -> Tensor:
        return (self.model(images).float() / self.temperature).softmax(dim=-1)


@torch.no_grad()
def export_onnx(trained: Trained, backbone: str, path: Path) -> None:
    """Writes a file for any number of images at once, in float32, and compares it with PyTorch.

    Its input is normalised; how, and the class names, stand in the metadata as JSON, under
    `preprocessing` and `class_names`.

    Raises:
        ImportError: the extra `onnx` is not installed. ValueError: the method's class texts are not
            constant, or the file does not compute what PyTorch does. IsADirectoryError: there is a
            folder of that name.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file, as {path / 'classifier.onnx'}")
    onnx, runtime = _libraries()
    described = trained.description
    model: Any = trained.build(load_clip(backbone, "fp32"))
    if model.texts_per_image:
        raise ValueError(
            f"{described.method} computes its class texts anew for every image, so that they are "
            "no constant: it has no ONNX form"
        )
    whole = Probabilities(model, described.temperature).eval()
    images = torch.randn(3, 3, *described.preprocessing.size, generator=torch.Generator())
    expected = whole(images)  # and so the class texts are known
    model.fix()
    proto = traced(whole, images)
    onnx.helper.set_model_props(proto, metadata(trained))
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        onnx.save(proto, str(unfinished))
        found = runtime.InferenceSession(str(unfinished)).run(None, {INPUT: images[:1].numpy()})[0]
        difference = np.abs(found - expected[:1].numpy()).max()
        if difference > TOLERANCE:
            raise ValueError(
                f"the ONNX form of {described.method} is not kept: its probabilities lie up to "
                f"{difference:.2g} from PyTorch's"
            )
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def traced(model: nn.Module, images: Tensor) -> Any:
    """The ONNX graph of a model, for any number of images."""
    with _quiet():
        program = torch.onnx.export(
            model,
            (images,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def metadata(trained: Trained) -> dict[str, str]:
    """What a program without this one needs to know, as JSON by name."""
    described = trained.description
    content = {
        "class_names": list(described.class_names),
        "preprocessing": asdict(described.preprocessing),
        "method": described.method,
        "backbone": described.backbone,
        "backbone_sha256": described.backbone_sha256,
    }
    return {name: json.dumps(value) for name, value in content.items()}


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  (PyTorch's exporter needs it)
    except ImportError as error:
        raise ImportError(f"{error}: pip install 'rpo-clip[onnx]'") from error
    return onnx, onnxruntime


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on its own progress."""
    logger = logging.getLogger("onnxscript")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
