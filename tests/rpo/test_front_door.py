"""`import rpo` gives the methods, without Dassl, yacs or torchvision."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import rpo
from rpo.methods.traits import known_modules, known_traits

SUPPORT = Path(__file__).parents[1] / "support"
WITHOUT = """
import sys
for name in ("dassl", "yacs", "torchvision", "sklearn"):
    sys.modules[name] = None
import torch
from torch.nn.functional import cross_entropy
import rpo
"""
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# As they stand there, but for the weights.
TEN_LINES = """
import torch
loader = [(torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 0, 1]))] * 2
""" + re.search(r"```python\n(.*?)```", README, re.S)[1].replace("ViT-B/16", "tiny")
EVERY_METHOD = """
from learning import learns_at_once
from rpo.methods.traits import known_traits
clip = rpo.load_clip("tiny")
torch.manual_seed(0)  # a gradient may be zero by chance, where a softmax is all or nothing
for name, traits in known_traits().items():
    model = getattr(rpo, name)(clip, ["cat", "dog"])
    logits = model(torch.randn(3, 3, 32, 32))
    assert logits.shape == (3, 2), name
    learnt = list(model.learner().parameters())
    assert bool(learnt) == traits.learns
    if traits.learns and name != "LogisticProbe":
        loss, _ = model.loss(torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 0]))
        loss.backward()
        for key, parameter in model.learner().named_parameters():
            moves = parameter.grad is not None and parameter.grad.norm() > 0
            assert moves == learns_at_once(name, key), (name, key)
"""


def test_methods_need_neither_dassl_nor_yacs():
    script = WITHOUT + TEN_LINES + EVERY_METHOD
    subprocess.run([sys.executable, "-c", script], check=True, cwd=SUPPORT)


def test_every_method_is_at_the_front_door():
    assert set(rpo.__all__) - {"load_clip", "FewShotClassifier"} <= set(known_modules())
    for name in known_traits():
        assert getattr(rpo, name).__name__ == name


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'RPQ'"):
        rpo.RPQ  # noqa: B018
