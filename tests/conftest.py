"""Tiny random CLIPs and made-up images: no download, no data, seconds."""

import numpy as np
import pytest
import torch
from PIL import Image

from rpo.backbone import import_clip

# embedding, resolution, vision layers, width and patch, text width, heads and layers
SHAPES = {
    "small": (32, 32, 2, 64, 8, 64, 2, 2),
    "deep": (48, 48, 3, 128, 16, 64, 1, 4),
    "ViT-B/32": (512, 224, 1, 768, 32, 512, 8, 1),
    "ViT-B/16": (512, 224, 1, 768, 16, 512, 8, 1),
    "ViT-L/14": (768, 224, 1, 1024, 14, 768, 12, 1),
    "ViT-L/14@336px": (768, 336, 1, 1024, 14, 768, 12, 1),
}


def build_random_clip(shape="small", seed=0, context=77, vocabulary=49408):
    embedding, resolution, layers, width, patch, text_width, heads, text_layers = SHAPES[shape]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        clip = import_clip().model.CLIP(
            embedding, resolution, layers, width, patch,
            context, vocabulary, text_width, heads, text_layers,
        )  # fmt: skip
        for block in [*clip.visual.transformer.resblocks, *clip.transformer.resblocks]:
            # CLIP starts biases at zero; random ones are what a test can get wrong.
            torch.nn.init.normal_(block.attn.in_proj_bias, std=0.5)
            torch.nn.init.normal_(block.attn.out_proj.bias, std=0.1)
    return clip.eval()


@pytest.fixture
def random_clip():
    """A function (shape name, seed) to a random CLIP in float32, with OpenAI's own modules."""
    return build_random_clip


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory):
    """A checkpoint file of a small random CLIP, as OpenAI's state dicts are stored."""
    path = tmp_path_factory.mktemp("weights") / "small-clip.pt"
    torch.save(build_random_clip().state_dict(), path)
    return path


@pytest.fixture
def draw_image():
    """A function that writes one made-up RGB image and returns its path."""

    def draw(path, seed=0, size=(40, 48)):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return draw
