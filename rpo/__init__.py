"""Read-only Prompt Optimization for CLIP, and the methods that it is compared with.

    import rpo

    clip = rpo.load_clip("ViT-B/16")
    model = rpo.RPO(clip, ["a photo of a cat.", "a photo of a dog."], k=24)
    logits = model(images)

Plain PyTorch: neither Dassl nor yacs is needed. `rpo.plugin` is the plugin for Dassl.
"""

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rpo.classifier import FewShotClassifier
    from rpo.clip.load import load_clip
    from rpo.methods.clap import CLAP
    from rpo.methods.clip_adapter import CLIPAdapter
    from rpo.methods.cliplora import CLIPLoRA
    from rpo.methods.cocoop import CoCoOp
    from rpo.methods.coop import CoOp
    from rpo.methods.ivlp import IVLP
    from rpo.methods.kgcoop import KgCoOp
    from rpo.methods.logistic_probe import LogisticProbe
    from rpo.methods.lp import LP
    from rpo.methods.lp_plus_plus import LPPlusPlus
    from rpo.methods.maple import MaPLe
    from rpo.methods.mmrl import MMRL
    from rpo.methods.prograd import ProGrad
    from rpo.methods.prolip import ProLIP
    from rpo.methods.promptsrc import PromptSRC
    from rpo.methods.rpo import RPO
    from rpo.methods.task_res import TaskRes
    from rpo.methods.tcp import TCP
    from rpo.methods.tip_adapter import TipAdapter, TipAdapterF
    from rpo.methods.two_stage import TwoStage
    from rpo.methods.vpt import VPT
    from rpo.methods.zero_shot import ZeroshotCLIP

__version__ = "0.1.0"
__all__ = [
    "CLAP",
    "CLIPAdapter",
    "CLIPLoRA",
    "CoCoOp",
    "CoOp",
    "FewShotClassifier",
    "IVLP",
    "KgCoOp",
    "LP",
    "LPPlusPlus",
    "LogisticProbe",
    "MMRL",
    "MaPLe",
    "ProGrad",
    "ProLIP",
    "PromptSRC",
    "RPO",
    "TCP",
    "TaskRes",
    "TipAdapter",
    "TipAdapterF",
    "TwoStage",
    "VPT",
    "ZeroshotCLIP",
    "load_clip",
]

# A checkout keeps trainers/, datasets/ and configs/ at its top, and links to them from here. Where
# the file system has no links, they are found at the top all the same; and RPO_PATH names folders
# with further ones, laid out alike.
if not (Path(__file__).parent / "trainers").is_dir():
    __path__.append(str(Path(__file__).parents[1]))
__path__.extend(filter(None, os.environ.get("RPO_PATH", "").split(os.pathsep)))


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is first asked for: PyTorch is slow."""
    if name == "FewShotClassifier":
        return importlib.import_module("rpo.classifier").FewShotClassifier
    if name == "load_clip":
        return importlib.import_module("rpo.clip.load").load_clip
    from rpo.methods.traits import known_modules

    if name in known_modules():
        return getattr(importlib.import_module(known_modules()[name]), name)
    raise AttributeError(f"module 'rpo' has no attribute {name!r}")
