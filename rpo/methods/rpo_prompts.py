"""The learnable prompts and how they start (RPO, section 3.3: special token initialisation)."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

NOISE_SCALE = 0.1
RANDOM_STD = 0.02


def unit_noise(shape: tuple[int, int]) -> Tensor:
    """Gaussian rows scaled to unit length, as in the released code."""
    noise = torch.randn(shape)
    return noise / noise.norm(dim=-1, keepdim=True)


def gaussian_noise(shape: tuple[int, int]) -> Tensor:
    """Standard normal rows, as in the paper."""
    return torch.randn(shape)


# What is added, times NOISE_SCALE, to the special token: `unit` as the released code does it,
# `gaussian` as the paper writes it, N(special token, NOISE_SCALE squared).
NOISES = {"unit": unit_noise, "gaussian": gaussian_noise}


def special_token_prompts(token: Tensor, count: int, noise: str = "unit") -> Tensor:
    """`count` noisy copies of a special token: (width,) to (count, width)."""
    return token.detach().float().cpu() + NOISE_SCALE * NOISES[noise]((count, len(token)))


def random_prompts(token: Tensor, count: int, noise: str = "unit") -> Tensor:
    """The ablation: normal prompts, (count, width), that owe the token nothing but its width."""
    return RANDOM_STD * torch.randn(count, len(token))


INITIALISERS = {"st": special_token_prompts, "random": random_prompts}


class PromptLearner(nn.Module):
    """All that RPO learns: K text prompts and K visual prompts, float32 in every precision.

    The parameters are called `text_prompt` (K, text width) and `img_prompt` (K, visual width), as
    in the checkpoints of the original program.
    """

    def __init__(
        self,
        end_token: Tensor,
        class_token: Tensor,
        count: int,
        init: str = "st",
        noise: str = "unit",
    ) -> None:
        """Text prompts start from EOT (text width,), visual ones from CLS (visual width,)."""
        super().__init__()
        initialise = INITIALISERS[init]
        # Text first: the order decides which random numbers each prompt gets from a seed.
        self.text_prompt = nn.Parameter(initialise(end_token, count, noise))
        self.img_prompt = nn.Parameter(initialise(class_token, count, noise))

    @classmethod
    def side_by_side(cls, learners: "Sequence[PromptLearner]") -> "PromptLearner":
        """The prompts of several learners in one, run after run.

        Raises:
            ValueError: they differ in their number of prompts.
        """
        counts = {len(learner.text_prompt) for learner in learners}
        if len(counts) != 1:
            raise ValueError(f"runs with different numbers of prompts, {sorted(counts)}")
        together = copy.deepcopy(learners[0])
        for name in ("text_prompt", "img_prompt"):
            prompts = torch.cat([getattr(learner, name).detach() for learner in learners])
            setattr(together, name, nn.Parameter(prompts))
        return together
