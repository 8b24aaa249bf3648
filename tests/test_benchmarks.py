"""What the benchmarks measure against computes the same as what they measure."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from rpo.model import ReadOnlyModel
from rpo.prompts import PromptLearner


@pytest.fixture
def padded():
    path = Path(__file__).parents[1] / "benchmarks" / "padded.py"
    spec = importlib.util.spec_from_file_location("padded", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_padded_form_is_rpo(random_clip, padded):
    clip = random_clip("deep")
    learner = PromptLearner(clip.token_embedding.weight[-1], clip.visual.class_embedding, 3)
    images, texts = torch.randn(2, 3, 48, 48), ["a cat.", "a photo of a dog.", "an owl."]
    results = []
    for form in (ReadOnlyModel, padded.PaddedModel):
        learner.zero_grad()
        logits = form(clip, texts, learner)(images)
        cross_entropy(logits, torch.tensor([0, 2])).backward()
        results.append((logits.detach(), learner.text_prompt.grad, learner.img_prompt.grad))
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)
