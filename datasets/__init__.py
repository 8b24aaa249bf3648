"""The benchmark's datasets, one file each. Importing this package registers them in Dassl."""

from . import caltech101, digits, eurosat, imagenet

__all__ = ["caltech101", "digits", "eurosat", "imagenet"]
