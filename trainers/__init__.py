"""The methods, one file each. Importing this package registers them in Dassl."""

from . import rpo, zero_shot

__all__ = ["rpo", "zero_shot"]
