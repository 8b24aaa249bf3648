"""Metrics that trainers compute on a batch."""

from .accuracy import compute_accuracy
from .distance import compute_distance_matrix

__all__ = ["compute_accuracy", "compute_distance_matrix"]
