"""ProGrad's gradient, and how its context starts."""

import pytest
import torch

from rpo.clip.texts import tokenize_all
from rpo.methods.prograd import ProGrad, aligned


@pytest.mark.parametrize(
    ("general", "removed", "expected"),
    [
        ([-3.0, 0.0], 1.0, [0.0, 4.0]),  # it opposes, and that part goes
        ([-3.0, 0.0], 0.5, [1.0, 4.0]),
        ([3.0, 0.0], 1.0, [2.0, 4.0]),  # it does not
        ([0.0, 0.0], 1.0, [2.0, 4.0]),  # it says nothing
    ],
)
def test_what_opposes_is_removed(general, removed, expected):
    found = aligned(torch.tensor([2.0, 4.0]), torch.tensor(general), removed)
    assert found.tolist() == expected


def test_a_context_of_words_behind_zeros(random_clip):
    """Of "a type of pet, a photo of a", 8 words and 9 tokens, the last token is not learnt."""
    clip = random_clip()
    texts = [f"a type of pet, a photo of a {name}." for name in ("cat", "dog")]
    model = ProGrad(clip, [["cat", "dog"], texts], n_ctx=10)
    ids = tokenize_all(["a type of pet, a photo of a"], 77)[0, 1:10]
    context = model.prompt_learner.ctx.detach()
    assert not context[:2].any()
    torch.testing.assert_close(context[2:], clip.token_embedding.weight[ids[:8]].detach())
    assert model.texts.ids[0, 11] == ids[8]


def test_more_words_than_vectors(random_clip):
    with pytest.raises(ValueError, match='"a photo of a" has 4 words and n_ctx is 3'):
        ProGrad(random_clip(), ["cat", "dog"], n_ctx=3)
