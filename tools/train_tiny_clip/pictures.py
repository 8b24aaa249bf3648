"""Where training images come from: the drawings, the satellite images, batches of both."""

from pathlib import Path

import numpy as np
import torch
from augment import normalise, paint, view_from_above
from drawings import COPIES, DIGITS, LETTERS, draw_pool
from eurosat import read_eurosat
from nouns import CONCEPTS
from shapes import SHAPES

# What a batch is made of.
SHARE = {"digit": 56, "letter": 14, "shape": 10, "land": 48}


class Pictures:
    """Draws batches. Of EuroSAT it reads the validation images only."""

    def __init__(self, eurosat: Path, split: Path, seed: int) -> None:
        self.random = torch.Generator().manual_seed(seed)
        self.drawings, names = draw_pool(np.random.default_rng(seed))
        self.satellite, land = read_eurosat(eurosat, split, "val")
        self.drawn = torch.tensor([CONCEPTS.index(name) for name in names])
        self.land = torch.tensor([CONCEPTS.index(name) for name in land])

    def batch(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Images (n, 3, 32, 32), the concept of each, and its colour (-1: many); both (n,)."""
        rows = self.pick_drawings()
        lands = torch.randint(len(self.land), (SHARE["land"],), generator=self.random)
        painted, colours = paint(self.drawings[rows] / 255, self.random)
        views = view_from_above(self.satellite[lands] / 255, self.random)
        concepts = torch.cat([self.drawn[rows], self.land[lands]])
        colours = torch.cat([colours, torch.full_like(lands, -1)])
        return normalise(torch.cat([painted, views])), concepts, colours

    def pick_drawings(self) -> torch.Tensor:
        """Rows of the pool, in the shares of a batch."""
        start, rows = 0, []
        for kind, names in (("digit", DIGITS), ("letter", LETTERS), ("shape", SHAPES)):
            count = len(names) * COPIES[kind]
            rows.append(start + torch.randint(count, (SHARE[kind],), generator=self.random))
            start += count
        return torch.cat(rows)
