"""What the methods are measured against computes the same."""

import copy
from pathlib import Path

import pytest
import torch

METHODS = ["CoOp", "KgCoOp", "CoCoOp", "MaPLe", "PromptSRC", "MMRL", "CLIPLoRA", "VPT", "IVLP"]
METHODS += ["LP", "RPO", "ProGrad", "TCP", "TwoStage"]
# How the texts begin where that is not "a photo of a".
START = {
    "LP": "A photo of a {}",
    "CoOp": "X " * 16 + "{}.",
    "CoCoOp": "X " * 16 + "{}.",
    "ProGrad": "X " * 11 + "a centered satellite photo of {}.",
    "MMRL": "a centered satellite photo of {}.",
}


@pytest.mark.parametrize("method", METHODS)
def test_the_padded_form_gives_the_same_logits(method, make_trainer, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import methods

    assert set(METHODS) <= set(methods.methods())
    model = make_trainer(method, options=("DATASET.UNDERSCORES", "spaces")).model.eval()
    names = ["class 0", "class 1", "class 2", "class 3"]
    texts = [START.get(method, "a photo of a {}.").format(name) for name in names]
    padded = methods.pad(copy.deepcopy(model), texts)
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(padded(images), model(images), rtol=1e-4, atol=1e-4)
