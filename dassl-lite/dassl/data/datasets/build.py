"""Datasets by name."""

from typing import Any

from dassl.utils import Registry, check_availability

DATASET_REGISTRY = Registry("DATASET")


def build_dataset(cfg: Any) -> Any:
    """Return the dataset named by `cfg.DATASET.NAME`; raise `UnknownNameError`."""
    check_availability(cfg.DATASET.NAME, DATASET_REGISTRY.registered_names(), kind="dataset")
    if cfg.VERBOSE:
        print(f"Loading dataset: {cfg.DATASET.NAME}")
    return DATASET_REGISTRY.get(cfg.DATASET.NAME)(cfg)
