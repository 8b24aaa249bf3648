"""Our own steps give torchvision's values and draw its random numbers, bit for bit."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms as tv

from dassl.data.transforms import INTERPOLATION_MODES, pillow

SIZES = [(40, 30), (30, 40), (33, 33), (20, 61), (17, 200), (24, 24)]


def picture(size, mode="RGB"):
    shape = (size[1], size[0], 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def assert_same(ours, theirs, image):
    for seed in range(12):
        torch.manual_seed(seed)
        got, after = ours(image), torch.get_rng_state()
        torch.manual_seed(seed)
        expected = theirs(image)
        assert torch.equal(torch.get_rng_state(), after)
        same = torch.equal if isinstance(got, torch.Tensor) else np.array_equal
        assert same(got, expected)


@pytest.mark.parametrize("mode", pillow.FILTERS)
@pytest.mark.parametrize("size", SIZES)
def test_sizes_and_crops(size, mode):
    image, other = picture(size), INTERPOLATION_MODES[mode]
    for target in (24, (24, 24), (20, 28)):
        assert_same(pillow.Resize(target, mode), tv.Resize(target, other), image)
    for target in ((24, 24), (25, 50), (80, 15)):
        assert_same(pillow.CenterCrop(target), tv.CenterCrop(target), image)
    for scale in ((0.08, 1.0), (0.9, 1.0), (0.001, 0.002)):
        ours = pillow.RandomResizedCrop((24, 20), scale, interpolation=mode)
        assert_same(ours, tv.RandomResizedCrop((24, 20), scale, interpolation=other), image)


def test_a_crop_that_never_fits_is_the_middle():
    for size in ((3, 400), (400, 3)):
        ours = pillow.RandomResizedCrop((8, 8), (1.0, 1.0))
        assert_same(ours, tv.RandomResizedCrop((8, 8), (1.0, 1.0)), picture(size))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_flips_and_tensors(mode):
    image = picture((9, 7), mode)
    assert_same(pillow.RandomHorizontalFlip(), tv.RandomHorizontalFlip(), image)
    assert_same(pillow.ToTensor(), tv.ToTensor(), image)
    values = tv.ToTensor()(image)
    mean, std = [0.4814, 0.4578, 0.4082][: len(values)], [0.26, 0.25, 0.27][: len(values)]
    assert_same(pillow.Normalize(mean, std), tv.Normalize(mean, std), values)


def test_the_usual_pipelines_need_no_torchvision():
    program = """
import sys
sys.modules["torchvision"] = None
from PIL import Image
import dassl.engine, dassl.modeling
from dassl.config import get_cfg_default
from dassl.data.transforms import build_transform
cfg = get_cfg_default()
cfg.INPUT.TRANSFORMS = ("random_resized_crop", "random_flip", "normalize")
for is_train in (True, False):
    assert build_transform(cfg, is_train)(Image.new("RGB", (50, 60))).shape == (3, 224, 224)
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
