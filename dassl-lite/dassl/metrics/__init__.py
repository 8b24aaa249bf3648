"""Metrics that trainers compute on a batch."""

from .accuracy import compute_accuracy

__all__ = ["compute_accuracy"]
