"""The ONNX file in onnxruntime, on images."""

import json

import numpy as np
import pytest
import torch

from rpo.inference.images import read_image
from rpo.methods.traits import known_traits

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra [onnx] is not installed")
pytest.importorskip("onnxscript", reason="the extra [onnx] is not installed")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "method",
    [
        *("RPO", "MMRL", "LogisticProbe"),
        # That every method can be traced is tested with the methods.
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("TCP", "MaPLe")),
    ],
)
def test_the_same_probabilities(classifier, photos, files, tmp_path, method):
    fitted = classifier(method).fit(photos, calibrate=True)
    fitted.export_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    content = session.get_modelmeta().custom_metadata_map
    assert json.loads(content["class_names"]) == list(fitted.classes_)
    preprocessing = fitted.trained_.description.preprocessing
    assert json.loads(content["preprocessing"])["size"] == list(preprocessing.size)
    images = torch.stack([preprocessing(read_image(file)) for file in files])
    expected = fitted.predict_proba(files)
    for some in (slice(0, 1), slice(0, 5), slice(None)):
        (found,) = session.run(None, {"image": images[some].numpy()})
        np.testing.assert_allclose(found, expected[some], atol=1e-4)


def test_texts_that_depend_on_the_image(classifier, photos, tmp_path):
    assert known_traits()["CoCoOp"].names_new_classes
    with pytest.raises(ValueError, match="CoCoOp computes its class texts anew"):
        classifier("CoCoOp").fit(photos).export_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.glob("model*"))


def test_a_folder_is_no_file(fitted, tmp_path):
    with pytest.raises(IsADirectoryError, match=f"{tmp_path} is a folder: name a file"):
        fitted.export_onnx(tmp_path)
