"""Drawings and satellite images become training images, distorted anew at every step."""

import torch
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate, max_pool2d

RESOLUTION = 32
COLOURS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.05, 0.05, 0.05),
    "red": (0.9, 0.1, 0.1),
    "green": (0.1, 0.7, 0.2),
    "blue": (0.15, 0.2, 0.9),
    "yellow": (0.95, 0.9, 0.1),
    "purple": (0.6, 0.1, 0.7),
    "orange": (1.0, 0.55, 0.1),
}
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


def normalise(images: torch.Tensor) -> torch.Tensor:
    """CLIP's own normalisation of images in [0, 1], (n, 3, height, width)."""
    return (images - MEAN) / STD


def paint(drawings: torch.Tensor, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Drawings (n, 1, 64, 64) in [0, 1] -> images (n, 3, 32, 32) in [0, 1] and colour numbers (n,).

    Like scanned handwriting, half are as coarse as 8 x 8 pixels, most are plain white on black.
    """
    n = len(drawings)
    figures = warp(drawings, random)
    figures = torch.where(
        chance(n, 0.3, random), max_pool2d(figures, 5, stride=1, padding=2), figures
    )
    figures = avg_pool2d(figures, 2)
    figures = torch.where(chance(n, 0.5, random), coarse(figures), figures)
    return colour(figures, random)


def warp(drawings: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Turn, slant, scale, shift and bend each drawing a little."""
    n = len(drawings)
    turn, slant, wide, high = uniform((4, n), -1, 1, random) * torch.tensor(
        [[0.2], [0.35], [0.2], [0.1]]
    )
    rows = [1.1 + wide, slant + turn, torch.zeros(n), -turn, 1.1 + high, torch.zeros(n)]
    transform = torch.stack(rows, dim=1).view(n, 2, 3)
    transform[:, :, 2] = uniform((n, 2), -0.12, 0.12, random)
    bend = 0.07 * torch.randn((n, 2, 4, 4), generator=random)
    bend = interpolate(bend, drawings.shape[-2:], mode="bicubic").permute(0, 2, 3, 1)
    grid = affine_grid(transform, list(drawings.shape), align_corners=False) + bend
    return grid_sample(drawings, grid, align_corners=False)


def coarse(figures: torch.Tensor) -> torch.Tensor:
    """Count ink in 8 x 8 cells, in 16 steps, and enlarge again: (n, 1, 32, 32) to the same."""
    cells = torch.round(avg_pool2d(figures, 4) * 16) / 16
    return interpolate(cells, figures.shape[-2:], mode="bicubic").clamp(0, 1)


def colour(figures: torch.Tensor, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Paint figures (n, 1, 32, 32) on a ground: (n, 3, 32, 32) and the colour's number (n,)."""
    n = len(figures)
    palette = torch.tensor(list(COLOURS.values()))
    ink = torch.randint(len(palette), (n,), generator=random)
    ground = (ink + torch.randint(1, len(palette), (n,), generator=random)) % len(palette)
    plain = chance(n, 0.75, random).flatten()
    ink, ground = torch.where(plain, 0, ink), torch.where(plain, 1, ground)
    noise = 0.05 * torch.randn((n, 3, *figures.shape[-2:]), generator=random)
    images = palette[ink, :, None, None] * figures + palette[ground, :, None, None] * (1 - figures)
    # Real white-on-black scans are exactly black, so plain images keep their ground.
    images = torch.where(plain[:, None, None, None], figures.expand(-1, 3, -1, -1), images + noise)
    return images.clamp(0, 1), ink


def view_from_above(images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Satellite images (n, 3, 64, 64) in [0, 1] -> turned, mirrored, cropped, (n, 3, 32, 32).

    From above no side is up, so any turn and mirror image is as likely as another.
    """
    n = len(images)
    images = torch.where(chance(n, 0.5, random), images.flip(-1), images)
    images = torch.where(chance(n, 0.5, random), images.transpose(-1, -2), images)
    images = torch.where(chance(n, 0.5, random), images.flip(-2), images)
    side = int(torch.randint(44, 65, (), generator=random))
    top, left = torch.randint(0, 65 - side, (2,), generator=random)
    images = images[:, :, top : top + side, left : left + side]
    images = interpolate(images, (RESOLUTION, RESOLUTION), mode="bicubic", antialias=True)
    return (images * uniform((n, 3, 1, 1), 0.9, 1.1, random)).clamp(0, 1)


def uniform(
    shape: tuple[int, ...], low: float, high: float, random: torch.Generator
) -> torch.Tensor:
    """Uniform numbers between low and high."""
    return low + (high - low) * torch.rand(shape, generator=random)


def chance(n: int, probability: float, random: torch.Generator) -> torch.Tensor:
    """True with this probability, for each of n images: (n, 1, 1, 1) bool."""
    return torch.rand((n, 1, 1, 1), generator=random) < probability
