"""Zero-shot accuracy on images never trained on: scikit-learn's digits, EuroSAT's test images."""

from pathlib import Path

import numpy as np
import torch
from augment import RESOLUTION, normalise
from drawings import DIGITS
from eurosat import read_eurosat
from PIL import Image
from sklearn.datasets import load_digits

from rpo.clip.load import Clip, load_clip
from rpo.clip.texts import tokenize_all

TEMPLATE = "a photo of a {}."
BATCH = 256


def report(file: Path, eurosat: Path, split: Path) -> str:
    """Zero-shot accuracy of a saved model, loaded as users load it: a line for each test set."""
    model = load_clip(str(file)).float()
    tests = {"Digits": real_digits(), "EuroSAT": satellite_test(eurosat, split)}
    return "\n".join(f"{name} zero-shot: {zero_shot(model, *test)}" for name, test in tests.items())


def real_digits() -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """All 1,797 scanned digits, (n, 3, 32, 32) normalised; labels (n,); class names."""
    scans = load_digits()
    pixels = np.rint(scans.images * 255 / 16).astype(np.uint8)
    images = torch.stack([as_input(Image.fromarray(image).convert("RGB")) for image in pixels])
    return images, torch.from_numpy(scans.target), DIGITS


def satellite_test(eurosat: Path, split: Path) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """EuroSAT's test images, (n, 3, 32, 32) normalised; labels (n,); class names."""
    views, names = read_eurosat(eurosat, split, "test")
    classes = sorted(set(names))
    pixels = views.permute(0, 2, 3, 1).numpy()
    images = torch.stack([as_input(Image.fromarray(image)) for image in pixels])
    return images, torch.tensor([classes.index(name) for name in names]), classes


def as_input(image: Image.Image) -> torch.Tensor:
    """As the test pipeline shows it: resized, bicubic, and normalised, (3, 32, 32)."""
    small = image.resize((RESOLUTION, RESOLUTION), Image.Resampling.BICUBIC)
    return normalise(torch.from_numpy(np.array(small)).permute(2, 0, 1) / 255)


@torch.no_grad()
def zero_shot(model: Clip, images: torch.Tensor, labels: torch.Tensor, names: list[str]) -> str:
    """Accuracy over all classes, over the first half alone (base) and the second half (new)."""
    text = model.encode_text(
        tokenize_all([TEMPLATE.format(name) for name in names], model.context_length)
    )
    seen = torch.cat([model.encode_image(batch) for batch in images.split(BATCH)])
    scores = seen @ text.T / text.norm(dim=-1)
    every, half = list(range(len(names))), len(names) // 2
    parts = {"all": every, "base": every[:half], "new": every[half:]}
    return ", ".join(f"{part} {accuracy(scores, labels, some):.1f}" for part, some in parts.items())


def accuracy(scores: torch.Tensor, labels: torch.Tensor, classes: list[int]) -> float:
    """Percent right on the images of these classes when only these can be chosen."""
    these = torch.isin(labels, torch.tensor(classes))
    guesses = torch.tensor(classes)[scores[these][:, classes].argmax(dim=-1)]
    return 100 * (guesses == labels[these]).float().mean().item()
