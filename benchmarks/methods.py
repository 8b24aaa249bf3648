"""A training step of every method that runs CLIP, against the same on texts padded to 77 tokens.

    python benchmarks/methods.py --classes 50 --batch 4

The padded form is that of the original programs: one sequence of 77 tokens a class, for CoCoOp one
image after the other, and for RPO prompts that join the sequence. Each form runs in a process of
its own, whose peak memory is counted above the loaded CLIP.
"""

import argparse
import json
from typing import Any

import common
import torch
from dassl.engine import TRAINER_REGISTRY
from padded import PaddedModel
from tabulate import tabulate
from torch import nn
from torch.nn.functional import cross_entropy

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo.attention import attention_mask
from rpo.clip.precision import PRECISIONS
from rpo.clip.texts import tokenize_all
from rpo.methods.rpo import RPO
from rpo.trainers.base import PromptTrainer
from rpo.trainers.config import default_config
from rpo.trainers.features import FeatureTrainer

# As in the configs that reproduce the papers, where those differ from the defaults.
PUBLISHED = (
    "TRAINER.COOP.CTX_INIT", "a photo of a", "TRAINER.COCOOP.CTX_INIT", "a photo of a",
    "TRAINER.VPT.PROMPT_DEPTH_VISION", 12, "TRAINER.VPT.N_CTX_VISION", 8,
    "TRAINER.IVLP.PROMPT_DEPTH_VISION", 12, "TRAINER.IVLP.PROMPT_DEPTH_TEXT", 12,
)  # fmt: skip


def methods() -> list[str]:
    """Everything registered that passes images through CLIP in every step."""
    trainers = {name: TRAINER_REGISTRY.get(name) for name in TRAINER_REGISTRY.registered_names()}
    return [
        name
        for name, trainer in trainers.items()
        if issubclass(trainer, PromptTrainer) and not issubclass(trainer, FeatureTrainer)
    ]


def measure(method: str, padded: bool, options: argparse.Namespace) -> tuple[float, float]:
    """Median seconds of a step and peak memory in MB above the loaded CLIP."""
    clip = common.random_clip(options.backbone, options.precision)
    images = common.images(clip, options.batch)
    loaded = common.reset_peak()
    trainer = object.__new__(TRAINER_REGISTRY.get(method))
    trainer.cfg = default_config()
    trainer.cfg.merge_from_list(list(PUBLISHED))
    texts = common.class_texts(options.classes)
    names = [text.removeprefix("a photo of a ").removesuffix(".") for text in texts]
    classes = texts if trainer.method.takes == "texts" else names
    model: Any = trainer.method(clip, classes, trainer.settings(trainer.cfg)).to(common.device())
    learner = model.learner()
    model.requires_grad_(False)
    if padded:
        model = pad(model, texts)
    optimiser = torch.optim.SGD(learner.requires_grad_(True).parameters(), lr=0.01)
    labels = torch.arange(options.batch, device=common.device()) % options.classes

    def step() -> None:
        optimiser.zero_grad()
        cross_entropy(model(images), labels).backward()
        optimiser.step()

    return common.seconds(step, options.repeats), common.peak() - loaded


def pad(model: Any, texts: list[str]) -> nn.Module:
    """The same network on one row of 77 tokens a class, its texts encoded anew in every step."""
    if isinstance(model, RPO):
        return PaddedModel(model.clip, texts, model.prompt_learner)
    layout, device = model.texts, common.device()
    ids = tokenize_all(texts, model.clip.context_length).to(device)
    rows, tokens = ids.shape
    layout.ids = ids
    layout.positions = torch.arange(tokens, device=device).expand(rows, -1)
    layout.visible = attention_mask(tokens, 0, causal=True).to(device).expand(rows, -1, -1, -1)
    layout.ends = ids.argmax(dim=-1) + tokens * torch.arange(rows, device=device)
    if hasattr(model, "images_at_once"):
        model.images_at_once = 1
    return model


def compare(method: str, options: argparse.Namespace) -> dict[str, Any]:
    """Both forms, one after the other."""
    ours, our_peak = common.in_own_process(measure, method, False, options)
    padded, padded_peak = common.in_own_process(measure, method, True, options)
    return {
        "method": method,
        "step_s": ours,
        "padded_step_s": padded,
        "faster": padded / ours,
        "peak_mb": our_peak,
        "padded_peak_mb": padded_peak,
        "smaller": padded_peak / our_peak if our_peak > 0 else float("nan"),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=methods(), default=methods())
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--backbone", choices=common.BACKBONES, default="ViT-B/16")
    parser.add_argument("--precision", choices=PRECISIONS[:3], default="fp32")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one line a method")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    rows = [compare(method, options) for method in options.methods]
    if options.json:
        print("\n".join(map(json.dumps, rows)))
    else:
        print(tabulate(rows, headers="keys", tablefmt="github", floatfmt=".2f"))
