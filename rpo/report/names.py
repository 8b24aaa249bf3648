"""Datasets and methods in the order in which the papers print them."""

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
ZERO_SHOT = ("ZeroshotCLIP", "ZeroshotCLIP2")
# Zero-shot first, methods that are not listed before the last, which is RPO.
METHODS = (*ZERO_SHOT, "LogisticProbe", "LP", "CoOp", "CoCoOp", "VPT", "IVLP", "MaPLe", "RPO")


def dataset_order(title: str) -> tuple[int, str]:
    """Sorts datasets as the papers do, others behind them by name."""
    titles = list(DATASETS)
    return (titles.index(title) if title in titles else len(titles), title)


def method_order(name: str) -> tuple[int, str]:
    """Sorts methods as METHODS does, others by name before RPO."""
    last = len(METHODS) - 1
    return (METHODS.index(name) * 2 if name in METHODS else last * 2 - 1, name)
