"""Captions, as loose as on the web.

A noun may fit several concepts ("farmland"), and a colour is named only now and then. So a caption
of one image in a batch often describes others too.
"""

import numpy as np
import torch
from augment import COLOURS
from nouns import CONCEPTS, TEMPLATES, list_nouns


class Captioner:
    """Draws captions for images and tells which images each caption describes."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nouns = list_nouns()
        # (concepts, nouns): may this noun be said of this concept?
        self.fits = torch.tensor(
            [[concept in names for _, _, names in self.nouns] for concept in CONCEPTS]
        )

    def draw(self, concepts: torch.Tensor, colours: torch.Tensor) -> tuple[list[str], torch.Tensor]:
        """A caption for each image, and which captions describe which images.

        Args:
            concepts: number of each image's concept, (images,)
            colours: number of each image's colour, -1 where it has no one colour, (images,)

        Returns:
            the captions, and (images, captions) bool.
        """
        nouns = torch.tensor([self.random.choice(self.fits[c].nonzero()[:, 0]) for c in concepts])
        named = torch.from_numpy(self.random.random(len(concepts)) < 0.2) & (colours >= 0)
        said = torch.where(named, colours, -1)
        captions = [self.phrase(int(n), int(c)) for n, c in zip(nouns, said, strict=True)]
        same_colour = (said == -1) | (said == colours[:, None])
        return captions, self.fits[concepts][:, nouns] & same_colour

    def phrase(self, noun: int, colour: int) -> str:
        """One caption around a noun, with its colour unless that is -1."""
        word, kind, _ = self.nouns[noun]
        word = word if colour < 0 else f"{list(COLOURS)[colour]} {word}"
        return str(self.random.choice(TEMPLATES[kind])).format(word)

    def every_caption(self) -> list[str]:
        """All captions there are; their tokens are the vocabulary that training can touch."""
        words = [
            (colour + noun, kind)
            for noun, kind, _ in self.nouns
            for colour in ["", *(f"{c} " for c in COLOURS)]
        ]
        return [template.format(word) for word, kind in words for template in TEMPLATES[kind]]
