"""Configurations, protocols and presets, installed as `rpo.configs` so that commands find them."""
