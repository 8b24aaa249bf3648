"""Transforms: names, fixed order, prints, shapes."""

import pytest
import torch
from PIL import Image
from torchvision import transforms as tv

from dassl.data.transforms import Cutout, GaussianNoise, InstanceNormalization, build_transform
from dassl.data.transforms.transforms import IMAGE_TRANSFORMS, TENSOR_TRANSFORMS

IMAGE = Image.merge("RGB", [Image.effect_noise((40, 30), 64) for _ in range(3)])


@pytest.fixture
def cfg(cfg):
    cfg.INPUT.SIZE = (24, 24)
    return cfg


@pytest.mark.parametrize("name", [*IMAGE_TRANSFORMS, *TENSOR_TRANSFORMS, "center_crop"])
@pytest.mark.parametrize("is_train", [True, False])
def test_every_transform_gives_an_image_of_the_size(cfg, name, is_train):
    transform = build_transform(cfg, is_train=is_train, choices=[name])
    for _ in range(4):
        image = transform(IMAGE)
        assert image.shape == (3, 24, 24)
        assert torch.isfinite(image).all()


@pytest.mark.parametrize("name", [*IMAGE_TRANSFORMS, *TENSOR_TRANSFORMS])
def test_every_training_transform_has_an_effect(cfg, name):
    torch.manual_seed(0)
    plain = build_transform(cfg, choices=[])(IMAGE)
    changed = build_transform(cfg, choices=[name])
    assert any(not torch.equal(changed(IMAGE), plain) for _ in range(10))


def test_order_is_fixed_whatever_the_configuration_says(cfg):
    everything = [*TENSOR_TRANSFORMS, *IMAGE_TRANSFORMS][::-1]
    classes = [type(step).__name__ for step in build_transform(cfg, choices=everything).transforms]
    assert classes == [
        "Random2DTranslation",
        "RandomCrop",
        "RandomResizedCrop",
        "RandomHorizontalFlip",
        "AutoAugment",
        "AutoAugment",
        "AutoAugment",
        "RandAugment",
        "ColorJitter",
        "RandomGrayscale",
        "RandomApply",
        "ToTensor",
        "Cutout",
        "Normalize",
        "GaussianNoise",
        "InstanceNormalization",
    ]


def test_prints_of_the_usual_pipelines(cfg, capsys):
    cfg.INPUT.SIZE = (224, 224)
    build_transform(cfg, is_train=True)
    build_transform(cfg, is_train=False)
    normalization = "+ normalization (mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])"
    assert capsys.readouterr().out.splitlines() == [
        "Building transform_train",
        "+ random resized crop (size=(224, 224), scale=(0.08, 1.0))",
        "+ random flip",
        "+ to torch tensor of range [0, 1]",
        normalization,
        "Building transform_test",
        "+ resize the smaller edge to 224",
        "+ 224x224 center crop",
        "+ to torch tensor of range [0, 1]",
        normalization,
    ]


def test_test_pipeline_equals_clip_preprocessing(cfg):
    cfg.INPUT.INTERPOLATION = "bicubic"
    resize = tv.Resize(24, tv.InterpolationMode.BICUBIC)
    reference = tv.Compose(
        [resize, tv.CenterCrop(24), tv.ToTensor(), tv.Normalize(*pixel_statistics(cfg))]
    )
    assert torch.equal(build_transform(cfg, is_train=False)(IMAGE), reference(IMAGE))


def pixel_statistics(cfg):
    return cfg.INPUT.PIXEL_MEAN, cfg.INPUT.PIXEL_STD


def test_training_resizes_only_without_a_crop(cfg, capsys):
    build_transform(cfg, choices=["random_flip"])
    assert "+ resize to 24x24" in capsys.readouterr().out
    build_transform(cfg, choices=["random_crop"])
    assert "resize" not in capsys.readouterr().out


def test_no_transform(cfg, capsys):
    cfg.INPUT.NO_TRANSFORM = True
    assert build_transform(cfg) is None
    assert capsys.readouterr().out == "Note: no transform is applied!\n"


def test_cutout_zeroes_a_square_and_leaves_its_input():
    image = torch.ones(3, 20, 20)
    torch.manual_seed(0)
    areas = [int((Cutout(1, 4)(image)[0] == 0).sum()) for _ in range(50)]
    assert max(areas) == 16
    assert image.min() == 1


def test_gaussian_noise_has_the_asked_statistics():
    torch.manual_seed(0)
    noise = GaussianNoise(mean=1.0, std=0.5, p=1.0)(torch.zeros(3, 100, 100))
    assert torch.allclose(
        torch.stack([noise.mean(), noise.std()]), torch.tensor([1.0, 0.5]), atol=0.02
    )
    assert GaussianNoise(p=0.0)(torch.zeros(3, 2, 2)).abs().sum() == 0


def test_instance_normalization_is_per_channel():
    image = InstanceNormalization()(torch.rand(3, 50, 50) * torch.tensor([1.0, 5, 9]).view(3, 1, 1))
    assert torch.allclose(image.mean(dim=(1, 2)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(image.std(dim=(1, 2)), torch.ones(3), atol=1e-5)
