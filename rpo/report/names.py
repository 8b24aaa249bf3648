"""Datasets and methods in the order in which the papers print them, and text made harmless."""

import unicodedata
from typing import Any

from rpo.methods.traits import known_traits

# Title (as in results.json) to the name of its folder and YAML file. The last four are only tested.
DATASETS = {
    "ImageNet": "imagenet",
    "Caltech101": "caltech101",
    "OxfordPets": "oxford_pets",
    "StanfordCars": "stanford_cars",
    "OxfordFlowers": "oxford_flowers",
    "Food101": "food101",
    "FGVCAircraft": "fgvc_aircraft",
    "SUN397": "sun397",
    "DescribableTextures": "dtd",
    "EuroSAT": "eurosat",
    "UCF101": "ucf101",
    "ImageNetV2": "imagenetv2",
    "ImageNetSketch": "imagenet_sketch",
    "ImageNetA": "imagenet_a",
    "ImageNetR": "imagenet_r",
}
TITLES = {folder: title for title, folder in DATASETS.items()}
DOMAINS = ("ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR")
# The 11 datasets of base-to-new generalization, over which the papers average.
BENCHMARK = tuple(title for title in DATASETS if title not in DOMAINS)
CLASSES = {"base": "base classes", "new": "new classes", "all": "all classes"}


def dataset_order(title: str) -> tuple[int, str]:
    """Sorts datasets as the papers do, others behind them by name."""
    titles = list(DATASETS)
    return (titles.index(title) if title in titles else len(titles), title)


def method_order(name: str) -> tuple[float, str]:
    """Sorts methods as their traits say; others by name, before the last."""
    traits = known_traits()
    last = max(known.order for known in traits.values())
    return (traits[name].order if name in traits else last - 0.5, name)


def learns(method: str) -> bool:
    """Whether a method has shots and seeds; those of others are taken to."""
    traits = known_traits().get(method)
    return traits is None or traits.learns


def clean(text: str) -> str:
    r"""Foreign text without line breaks, terminal escapes and the like: ESC becomes \x1b."""
    return "".join(_visible(letter) for letter in text)


def _visible(letter: str) -> str:
    if letter.isprintable():
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    return letter.encode("unicode_escape", "surrogatepass").decode()


def cleaned(content: Any) -> Any:
    """Parsed JSON with every text in it cleaned."""
    if isinstance(content, str):
        return clean(content)
    if isinstance(content, list):
        return [cleaned(item) for item in content]
    if isinstance(content, dict):
        return {clean(key): cleaned(value) for key, value in content.items()}
    return content
