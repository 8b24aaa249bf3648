"""Trainers by name."""

from typing import Any

from dassl.utils import Registry

_LEFT_OUT = """AdaBN ADDA CDAC DAEL DANN M3SDA MCD MME SelfEnsembling SourceOnly CrossGrad DAELDG
DDAIG DomainMix Vanilla EntMin FixMatch MeanTeacher MixMatch SupBaseline"""
TRAINER_REGISTRY = Registry("TRAINER", _LEFT_OUT.split())


def build_trainer(cfg: Any) -> Any:
    """Return the trainer named by `cfg.TRAINER.NAME`; raise `UnknownNameError`."""
    trainer = TRAINER_REGISTRY.get(cfg.TRAINER.NAME)
    if cfg.VERBOSE:
        print(f"Loading trainer: {cfg.TRAINER.NAME}")
    return trainer(cfg)
