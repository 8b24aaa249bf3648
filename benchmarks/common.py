"""What the benchmarks share: random CLIPs of OpenAI's sizes, clocks and a memory gauge."""

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tabulate import tabulate

from rpo.clip import openai
from rpo.clip.load import Clip
from rpo.clip.precision import PRECISIONS, set_precision
from rpo.memory import peak_megabytes
from rpo.methods.rpo_prompts import PromptLearner

# embedding, resolution, vision layers, width and patch, text width, heads and layers
BACKBONES = {
    "ViT-B/32": (512, 224, 12, 768, 32, 512, 8, 12),
    "ViT-B/16": (512, 224, 12, 768, 16, 512, 8, 12),
    "ViT-L/14": (768, 224, 24, 1024, 14, 768, 12, 12),
    "ViT-L/14@336px": (768, 336, 24, 1024, 14, 768, 12, 12),
}
CONTEXT, VOCABULARY = 77, 49408


def parser(description: str, repeats: int, **sizes: int) -> argparse.ArgumentParser:
    """The options that benchmarks share, and one whole number a size."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--backbone", choices=BACKBONES, default="ViT-B/16")
    parser.add_argument("--precision", choices=PRECISIONS[:3], default="fp32")
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--json", action="store_true")
    return parser


def show(result: dict[str, float], as_json: bool) -> None:
    """One JSON object, or a table of one row."""
    table = tabulate([result], headers="keys", tablefmt="github", floatfmt=".3f")
    print(json.dumps(result) if as_json else table)


def write_photograph(path: Path, seed: int) -> None:
    """A JPEG of ImageNet's usual size: smooth noise, which compresses about as photographs do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (94, 125, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)


def device() -> torch.device:
    """CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def random_clip(backbone: str, precision: str = "fp32") -> Clip:
    """A CLIP with random weights: as fast as a real one."""
    torch.manual_seed(0)
    sizes, text_sizes = BACKBONES[backbone][:5], BACKBONES[backbone][5:]
    clip = openai.model().CLIP(*sizes, CONTEXT, VOCABULARY, *text_sizes).eval()
    if precision != "fp32":
        openai.model().convert_weights(clip)
    set_precision(clip, precision)
    return clip.to(device())


def class_texts(count: int) -> list[str]:
    """Texts as long as those of the benchmark's datasets: 6 to 9 tokens with SOT and EOT."""
    names = ("cat", "tennis ball", "steam locomotive", "great white shark")
    return [f"a photo of a {names[index % len(names)]}." for index in range(count)]


def prompt_learner(clip: Clip, count: int) -> PromptLearner:
    """`count` pairs of prompts, as RPO starts them."""
    return PromptLearner(clip.token_embedding.weight[-1], clip.visual.class_embedding, count)


def images(clip: Clip, batch: int) -> torch.Tensor:
    """Noise, (batch, 3, resolution, resolution)."""
    size = clip.visual.input_resolution
    return torch.randn(batch, 3, size, size, device=device())


def seconds(function: Callable[[], Any], repeats: int, warm_up: int = 1) -> float:
    """The median wall time of a call, after calls that do not count."""
    times = []
    for _ in range(warm_up + repeats):
        started = _now()
        function()
        times.append(_now() - started)
    return statistics.median(times[warm_up:])


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def reset_peak() -> float:
    """Starts the gauge; the memory in use now, in MB."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    return peak()


def peak() -> float:
    """The most memory used so far, in MB: on CUDA by tensors, else by the process."""
    return peak_megabytes(torch.device("cuda" if torch.cuda.is_available() else "cpu")) or 0.0


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a fresh process, whose peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)
