"""The methods, one file each. Importing this package registers them in Dassl."""

from . import cocoop, coop, ivlp, logistic_probe, lp, maple, rpo, vpt, zero_shot

__all__ = ["cocoop", "coop", "ivlp", "logistic_probe", "lp", "maple", "rpo", "vpt", "zero_shot"]
