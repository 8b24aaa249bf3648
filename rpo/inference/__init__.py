"""Trained methods in use: images in, probabilities out, saved and loaded without Dassl or yacs."""
