"""Read-only Prompt Optimization for CLIP: the method in plain PyTorch, without Dassl or yacs."""

__version__ = "0.1.0"
