"""Simple shapes: round ones, square ones, lines and polygons."""

import numpy as np
from PIL import Image, ImageDraw

# Corners of a polygon; a star's every second corner lies further in.
POLYGONS = {"triangle": 3, "diamond": 4, "hexagon": 6, "star": 10}
SHAPES = ["circle", "ring", "square", "frame", "line", "cross", *POLYGONS]


def draw_shape(name: str, size: int, random: np.random.Generator) -> Image.Image:
    """A shape, white on black, ``size`` pixels wide and high, with lines of random thickness."""
    image = Image.new("L", (size, size))
    pen = ImageDraw.Draw(image)
    low, high, width = 2, size - 3, int(random.integers(4, 10))
    fill = 0 if name in ("ring", "frame") else 255
    if name in ("circle", "ring"):
        pen.ellipse((low, low, high, high), fill=fill, outline=255, width=width)
    elif name in ("square", "frame"):
        pen.rectangle((low, low, high, high), fill=fill, outline=255, width=width)
    elif name in POLYGONS:
        pen.polygon(corners_of(name, size), fill=fill)
    else:
        pen.line((low, low, high, high), fill=fill, width=width)
    if name == "cross":
        pen.line((low, high, high, low), fill=fill, width=width)
    return image


def corners_of(name: str, size: int) -> list[tuple[float, float]]:
    """The corners of a regular polygon or a star, the first at the top."""
    count = POLYGONS[name]
    angles = 2 * np.pi * np.arange(count) / count
    inner = 0.4 if name == "star" else 1.0
    radius = np.where(np.arange(count) % 2, inner, 1.0) * (size / 2 - 2)
    x, y = size / 2 + radius * np.sin(angles), size / 2 - radius * np.cos(angles)
    return list(zip(x.tolist(), y.tolist(), strict=True))
