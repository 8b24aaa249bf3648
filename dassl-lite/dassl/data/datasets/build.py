"""Datasets by name."""

from typing import Any

from dassl.utils import Registry

_LEFT_OUT = """CIFARSTL Digit5 DomainNet miniDomainNet Office31 OfficeHome VisDA17 CIFAR10C
CIFAR100C DigitSingle DigitsDG OfficeHomeDG PACS VLCS Camelyon17 FMoW IWildCam CIFAR10
CIFAR100 STL10 SVHN"""
DATASET_REGISTRY = Registry("DATASET", _LEFT_OUT.split())


def build_dataset(cfg: Any) -> Any:
    """Return the dataset named by `cfg.DATASET.NAME`; raise `UnknownNameError`."""
    dataset = DATASET_REGISTRY.get(cfg.DATASET.NAME)
    if cfg.VERBOSE:
        print(f"Loading dataset: {cfg.DATASET.NAME}")
    return dataset(cfg)
