"""Classifiers on backbones of other libraries, as ONNX."""

import numpy as np
import pytest
from PIL import Image

from rpo import FewShotClassifier


@pytest.mark.parametrize("family", ["hf siglip"])
def test_onnxruntime_gives_the_same_probabilities(family, backbone_name, draw_image, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    for seed in range(4):
        draw_image(tmp_path / "images" / ["cat", "dog"][seed % 2] / f"{seed}.png", seed)
    classifier = FewShotClassifier(
        backbone=backbone_name(family), shots=2, progress=False, options={"OPTIM.MAX_EPOCH": 1}
    ).fit(tmp_path / "images")
    classifier.export_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    files = sorted((tmp_path / "images").rglob("*.png"))
    images = [classifier.preprocessing_(Image.open(file).convert("RGB")) for file in files]
    (found,) = session.run(None, {session.get_inputs()[0].name: np.stack(images)})
    assert np.abs(found - classifier.predict_proba(files)).max() < 1e-4
