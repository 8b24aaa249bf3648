"""Packed class texts are the unpacked ones, side by side."""

import pytest
import torch

from rpo.clip.texts import tokenize
from rpo.methods.packing import pack
from rpo.methods.prompted import PromptedTexts

NAMES = ["cat", "very long dog with a hat", "owl", "mouse", "tree frog", "ox"]
TEXTS = [f"a photo of a {name}." for name in NAMES]
SHARED = 5


@pytest.mark.parametrize("row_length", [0, 14, 20, 256])
def test_every_token_is_there_and_sees_its_own_text(row_length):
    ids, lengths = tokenize(TEXTS, 77)
    packing = pack(ids, lengths, SHARED, row_length)
    tokens = packing.ids.shape[1]
    for label, length in enumerate(lengths.tolist()):
        row, end = divmod(int(packing.ends[label]), tokens)
        seen = packing.visible[row, 0, end].nonzero().flatten()
        assert packing.ids[row, seen].tolist() == ids[label, :length].tolist()
        assert packing.positions[row, seen].tolist() == list(range(length))
        for earlier, place in enumerate(seen.tolist()):
            assert packing.visible[row, 0, place].nonzero().flatten().tolist() == (
                seen[: earlier + 1].tolist()
            )


def test_rows_are_as_long_as_asked():
    ids, lengths = tokenize(TEXTS, 77)
    assert pack(ids, lengths, SHARED, 0).ids.shape == (len(TEXTS), int(lengths.max()))
    assert len(pack(ids, lengths, SHARED, 256).ids) == 1
    several = pack(ids, lengths, SHARED, 14).ids
    assert 1 < len(several) < len(TEXTS) and several.shape[1] <= 14


def test_features_are_those_of_clip(random_clip):
    clip = random_clip("deep")
    ids = torch.nn.functional.pad(tokenize(TEXTS, 77)[0], (0, 77))[:, :77]
    with torch.no_grad():
        features = PromptedTexts(clip, TEXTS, count=4)([])
        torch.testing.assert_close(features, clip.encode_text(ids), rtol=1e-5, atol=1e-5)
