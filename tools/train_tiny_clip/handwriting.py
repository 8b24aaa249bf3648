"""Digits drawn with a wobbly pen: a few ways to write each, every corner moved at random.

A skeleton is one or more pen strokes, separated by "/". A point "37" lies at x = 3, y = 7 of a grid
that runs from 0 to 9, y downwards. Points of a stroke are joined by a smooth curve.
"""

import numpy as np
from PIL import Image, ImageDraw

SKELETONS = {
    "zero": ["50 31 23 15 27 38 59 78 87 95 83 71 50", "40 22 15 37 59 77 84 72 50 31"],
    "one": ["50 59", "32 50 59", "32 50 59 / 29 79"],
    "two": ["12 40 82 74 19 / 19 89", "12 40 82 65 19 28 58 99"],
    "three": ["11 30 60 82 63 44 / 44 65 87 69 39 18", "10 80 / 80 44 / 44 75 87 69 39 18"],
    "four": ["60 06 96 / 61 69", "10 15 85 / 80 79", "30 15 85 / 70 69"],
    "five": ["80 20 / 20 14 64 87 59 18", "80 30 14 75 87 49 18"],
    "six": ["60 24 17 59 87 75 45 17", "30 15 17 59 87 75 45 17"],
    "seven": ["10 90 / 90 39", "10 90 / 90 49 / 25 75"],
    "eight": ["50 22 54 87 59 27 54 82 50", "50 22 54 82 50 / 54 17 59 97 54"],
    "nine": ["82 50 22 44 82 / 82 79", "82 50 22 44 82 / 82 87 49 28"],
}


def write_digit(name: str, size: int, random: np.random.Generator) -> Image.Image:
    """A handwritten digit, white on black, ``size`` pixels wide and high."""
    image = Image.new("L", (size, size))
    pen = ImageDraw.Draw(image)
    thickness = int(size * random.uniform(0.06, 0.16))
    for stroke in random.choice(SKELETONS[name]).split("/"):
        corners = np.array([[int(x), int(y)] for x, y in stroke.split()], dtype=float)
        corners += random.normal(scale=0.35, size=corners.shape)
        line = (smooth(corners) + 1) * size / 11
        pen.line([tuple(point) for point in line], fill=255, width=thickness, joint="curve")
    return image


def smooth(corners: np.ndarray, steps: int = 8) -> np.ndarray:
    """A Catmull-Rom curve through the corners: (n, 2) -> ((n - 1) * steps + 1, 2)."""
    padded = np.concatenate([corners[:1], corners, corners[-1:]])
    before, start, stop, after = (padded[i : len(corners) - 1 + i] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    bend = (2 * before - 5 * start + 4 * stop - after) * t**2
    twist = (3 * start - before - 3 * stop + after) * t**3
    curve = start + ((stop - before) * t + bend + twist) / 2
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), corners[-1:]])
