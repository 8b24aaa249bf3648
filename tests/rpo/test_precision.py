"""Which precision a processor is told to use."""

import pytest
import torch

from rpo.clip.precision import processor_precision


@pytest.mark.parametrize(("capability", "expected"), [("avx512_bf16", "bf16"), ("avx2", "fp32")])
def test_the_processor_decides_what_is_quick(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True}, raising=False)
    assert processor_precision() == expected


def test_an_older_pytorch_cannot_tell(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert processor_precision() == "fp32"
