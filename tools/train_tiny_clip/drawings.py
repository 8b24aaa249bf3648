"""The drawn training data: digits and letters in many fonts, handwritten digits, simple shapes.

Every drawing is a white figure on black, cut to its outline and centred. Colour, distortion and
blur come later, anew at every step (augment.py).
"""

import string
from pathlib import Path

import matplotlib
import numpy as np
import torch
from handwriting import write_digit
from PIL import Image, ImageDraw, ImageFont
from shapes import SHAPES, draw_shape

SIZE = 64
MARGIN = 6
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
LETTERS = list(string.ascii_lowercase)
# Drawings of each figure in the pool.
COPIES = {"digit": 1200, "letter": 200, "shape": 200}


def find_fonts() -> list[Path]:
    """The text fonts that matplotlib ships: DejaVu, STIX and Computer Modern."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    families = ("DejaVuSans", "DejaVuSerif", "STIXGeneral", "cmr", "cmss", "cmtt", "cmb", "cmti")
    found = (path for path in folder.glob("*.ttf") if path.stem.startswith(families))
    return sorted(path for path in found if not path.stem.endswith("Display"))  # these lack letters


def draw_pool(random: np.random.Generator) -> tuple[torch.Tensor, list[str]]:
    """All drawings, (n, 1, SIZE, SIZE) uint8, and the name of each."""
    fonts = [ImageFont.truetype(str(path), 72) for path in find_fonts()]
    names = DIGITS * COPIES["digit"] + LETTERS * COPIES["letter"] + SHAPES * COPIES["shape"]
    images = [np.asarray(draw(name, fonts, random)) for name in names]
    return torch.from_numpy(np.stack(images))[:, None], names


def draw(
    name: str, fonts: list[ImageFont.FreeTypeFont], random: np.random.Generator
) -> Image.Image:
    """One drawing; digits are as often written by hand as printed."""
    if name in SHAPES:
        figure = draw_shape(name, SIZE, random)
    elif name in DIGITS and random.random() < 0.5:
        figure = write_digit(name, SIZE, random)
    else:
        figure = draw_character(name, fonts[random.integers(len(fonts))], random)
    return centre(figure)


def draw_character(
    name: str, font: ImageFont.FreeTypeFont, random: np.random.Generator
) -> Image.Image:
    """A digit or a letter, small or capital, in the given font."""
    capital = name.upper() if random.random() < 0.5 else name
    character = str(DIGITS.index(name)) if name in DIGITS else capital
    image = Image.new("L", (2 * SIZE, 2 * SIZE))
    ImageDraw.Draw(image).text((SIZE, SIZE), character, fill=255, font=font, anchor="mm")
    return image


def centre(figure: Image.Image) -> Image.Image:
    """Cut a figure to its outline, scale it to the full height or width, and centre it."""
    figure = figure.crop(figure.getbbox())
    scale = (SIZE - 2 * MARGIN) / max(figure.size)
    width, height = (max(1, round(side * scale)) for side in figure.size)
    figure = figure.resize((width, height), Image.Resampling.BILINEAR)
    canvas = Image.new("L", (SIZE, SIZE))
    canvas.paste(figure, ((SIZE - width) // 2, (SIZE - height) // 2))
    return canvas
