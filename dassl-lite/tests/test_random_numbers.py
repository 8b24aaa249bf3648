"""The transforms, samplers and optimiser of Dassl that torch and torchvision do not have.

Each against the documented behaviour, computed step by step with the same random numbers.
"""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from dassl.data.samplers import RandomClassSampler, RandomDomainSampler, SeqDomainSampler
from dassl.data.transforms import Cutout, GaussianNoise, Random2DTranslation
from dassl.engine.trainer import SimpleNet
from dassl.metrics import compute_distance_matrix
from dassl.modeling import BACKBONE_REGISTRY, Backbone, build_backbone
from dassl.optim.radam import RAdam
from dassl.utils import init_network_weights, open_specified_layers, set_random_seed


@pytest.fixture
def image():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("seed", range(6))
def test_translation_draws_whether_and_then_where_from_python(image, seed):
    set_random_seed(seed)
    got = Random2DTranslation(16, 24)(image)
    set_random_seed(seed)
    if random.uniform(0, 1) > 0.5:
        expected = image.resize((24, 16), Image.Resampling.BILINEAR)
    else:
        larger = image.resize((27, 18), Image.Resampling.BILINEAR)
        left, top = round(random.uniform(0, 3)), round(random.uniform(0, 2))
        expected = larger.crop((left, top, left + 24, top + 16))
    assert np.array_equal(np.array(got), np.array(expected)) and got.size == (24, 16)


@pytest.mark.parametrize("seed", range(4))
def test_cutout_draws_rows_and_then_columns_from_numpy(seed):
    set_random_seed(seed)
    got = Cutout(2, 6)(torch.ones(3, 10, 12))
    set_random_seed(seed)
    expected = torch.ones(3, 10, 12)
    for _ in range(2):
        row, column = np.random.randint(10), np.random.randint(12)
        rows = [y for y in range(10) if row - 3 <= y < row + 3]
        columns = [x for x in range(12) if column - 3 <= x < column + 3]
        for y in rows:
            for x in columns:
                expected[:, y, x] = 0
    assert torch.equal(got, expected)


@pytest.mark.parametrize("seed", range(6))
def test_noise_draws_whether_from_python_and_what_from_torch(seed):
    set_random_seed(seed)
    got = GaussianNoise(0.1, 0.3)(torch.zeros(3, 4, 4))
    set_random_seed(seed)
    drawn = random.uniform(0, 1) <= 0.5
    noise = torch.randn(3, 4, 4) * 0.3 + 0.1
    assert torch.equal(got, noise if drawn else torch.zeros(3, 4, 4))


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_radam_is_the_papers(decay):
    """Algorithm 2 of the paper in scalars, with decoupled weight decay and SGD at the start."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(5))
    optimiser = RAdam([weight], lr=0.02, betas=(0.9, 0.99), weight_decay=decay)
    value, gradients = weight.detach().double().tolist(), torch.randn(30, 5)
    first, second = [0.0] * 5, [0.0] * 5
    for step, gradient in enumerate(gradients, 1):
        weight.grad = gradient.clone()
        optimiser.step()
        longest = 2 / (1 - 0.99) - 1
        length = longest - 2 * step * 0.99**step / (1 - 0.99**step)
        for i, g in enumerate(gradient.double().tolist()):
            first[i] = 0.9 * first[i] + 0.1 * g
            second[i] = 0.99 * second[i] + 0.01 * g * g
            value[i] -= decay * 0.02 * value[i]
            mean = first[i] / (1 - 0.9**step)
            if length >= 5:
                ratio = (length - 4) * (length - 2) * longest
                ratio /= (longest - 4) * (longest - 2) * length
                deviation = (math.sqrt(second[i]) + 1e-8) / math.sqrt(1 - 0.99**step)
                value[i] -= 0.02 * math.sqrt(ratio) * mean / deviation
            else:
                value[i] -= 0.02 * mean
    torch.testing.assert_close(weight.detach(), torch.tensor(value, dtype=torch.float32))


ITEMS = [SimpleNamespace(domain=i % 3, label=i % 4) for i in range(24)]


def test_batches_of_domains():
    set_random_seed(1)
    batches = torch.tensor(list(SeqDomainSampler(ITEMS, 6))).view(-1, 6)
    assert len(batches) == 4 and sorted(batches.flatten().tolist()) == list(range(24))
    for batch in batches.tolist():
        assert [ITEMS[index].domain for index in batch] == [0, 0, 1, 1, 2, 2]
    sampler = RandomDomainSampler(ITEMS, 4, 2)
    for batch in torch.tensor(list(sampler))[: len(sampler)].view(-1, 4).tolist():
        domains = [ITEMS[index].domain for index in batch]
        assert domains[0] == domains[1] != domains[2] == domains[3]
    with pytest.raises(ValueError, match="batches of 5 cannot be shared by 3 domains"):
        SeqDomainSampler(ITEMS, 5)


def test_batches_of_classes():
    set_random_seed(1)
    sampler = RandomClassSampler(ITEMS, 6, 3)
    indices = list(sampler)
    assert len(indices) <= len(sampler) + 6
    for batch in torch.tensor(indices).view(-1, 6).tolist():
        labels = [ITEMS[index].label for index in batch]
        assert len(set(labels[:3])) == len(set(labels[3:])) == 1 and labels[0] != labels[3]
    with pytest.raises(ValueError, match="batches of 30"):
        RandomClassSampler(ITEMS, 30, 3)


def test_distances():
    one, other = torch.randn(3, 5), torch.randn(4, 5)
    squared = torch.tensor([[((a - b) ** 2).sum() for b in other] for a in one])
    torch.testing.assert_close(compute_distance_matrix(one, other), squared)
    cosine = compute_distance_matrix(one, other, metric="cosine")
    assert torch.allclose(cosine[0, 0], 1 - nn.functional.cosine_similarity(one[0], other[0], 0))
    with pytest.raises(ValueError, match="manhattan"):
        compute_distance_matrix(one, other, "manhattan")


def test_a_network_of_backbone_head_and_classifier(cfg):
    class Mean(Backbone):
        def __init__(self):
            super().__init__()
            self._out_features = 3

        def forward(self, images):
            return images.mean(dim=(2, 3))

    BACKBONE_REGISTRY.register(lambda pretrained: Mean(), force=True)
    BACKBONE_REGISTRY._obj_map["mean"] = BACKBONE_REGISTRY._obj_map.pop("<lambda>")
    cfg.MODEL.BACKBONE.NAME, cfg.MODEL.HEAD.NAME = "mean", "mlp"
    cfg.MODEL.HEAD.HIDDEN_LAYERS, cfg.MODEL.HEAD.DROPOUT = [8, 5], 0.5
    network = SimpleNet(cfg, cfg.MODEL, 4).eval()
    scores, features = network(torch.randn(2, 3, 6, 6), return_feature=True)
    assert scores.shape == (2, 4) and features.shape == (2, 5) and network.fdim == 5
    open_specified_layers(network, "classifier")
    learns = {name.split(".")[0] for name, each in network.named_parameters() if each.requires_grad}
    assert learns == {"classifier"}
    init_network_weights(network, "orthogonal", gain=2.0)
    weight = network.classifier.weight.detach()
    torch.testing.assert_close(weight @ weight.T, 4 * torch.eye(4))
    assert not network.classifier.bias.any()


def test_a_resnet_of_torchvision():
    network = build_backbone("resnet18", verbose=False, pretrained=False).eval()
    assert network(torch.randn(1, 3, 32, 32)).shape == (1, network.out_features) == (1, 512)
