"""Several runs of RPO evaluated in one pass.

Prompts never see each other, so the prompts of several runs (seeds, say) can stand side by side:
CLIP's own tokens, which cost most, are computed once for all of them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rpo.clip.load import Clip
from rpo.methods.rpo import RPO
from rpo.methods.rpo_prompts import PromptLearner


class StackedRPO(RPO):
    """Gives every run the logits that it has alone.

    Args: those of RPO, with one prompt learner a run.

    Raises:
        ValueError: the runs differ in their number of prompts.
    """

    def __init__(
        self,
        clip: Clip,
        texts: Sequence[str],
        learners: Sequence[PromptLearner],
        modality: str = "both",
    ) -> None:
        super().__init__(clip, texts, modality=modality)
        self.prompt_learner = PromptLearner.side_by_side(learners)
        self.runs = len(learners)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (runs, batch, classes) in float32 for images (batch, 3, height, width)."""
        self.check(images)
        image_features = self._by_run(self.image_features(images))
        text_features = self._by_run(self.text_features())
        pairs = zip(image_features, text_features, strict=True)
        return torch.stack([self.logits(seen, said) for seen, said in pairs])

    def _by_run(self, features: Tensor) -> Sequence[Tensor]:
        """(n, runs * K, embedding) to one (n, K, embedding) a run; CLIP's own serve every run."""
        if features.shape[1] == 1:
            return [features] * self.runs
        return features.chunk(self.runs, dim=1)
