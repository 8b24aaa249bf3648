"""Every name that a configuration can hold is either known or refused helpfully."""

import pytest
from torch import nn

from dassl.data.datasets import build_dataset
from dassl.data.samplers import build_sampler
from dassl.data.transforms import build_transform
from dassl.engine import build_trainer
from dassl.evaluation import build_evaluator
from dassl.optim import build_lr_scheduler, build_optimizer
from dassl.utils import Registry, UnknownNameError


def registry_with(*names):
    registry = Registry("ANIMAL")
    for name in names:
        registry.register(type(name, (), {}))
    return registry


def test_registered_objects_come_back():
    registry = Registry("ANIMAL")

    @registry.register()
    class Cat:
        pass

    assert registry.get("Cat") is Cat
    assert "Cat" in registry
    assert registry.registered_names() == ["Cat"]


def test_unknown_name_error_repeats_lists_and_suggests():
    with pytest.raises(KeyError) as caught:
        registry_with("Cat", "Giraffe").get("Girafe")
    assert str(caught.value) == (
        'Unknown animal "Girafe" (do you mean "Giraffe"?). Valid choices: Cat, Giraffe'
    )


def test_empty_registry_says_that_it_is_empty():
    with pytest.raises(KeyError, match="no animal is registered yet"):
        registry_with().get("Cat")


def test_a_name_is_registered_once_even_for_the_same_object():
    registry = registry_with("Cat")
    with pytest.raises(KeyError, match="already registered"):
        registry.register(registry.get("Cat"))
    registry.register(registry.get("Cat"), force=True)


@pytest.mark.parametrize(
    ("key", "typed", "nearest", "build"),
    [
        ("TRAINER.NAME", "toyprompt", "ToyPrompts", build_trainer),
        ("DATASET.NAME", "ToyColors", "ToyColours", build_dataset),
        ("TEST.EVALUATOR", "classify", "Classification", build_evaluator),
        ("OPTIM.NAME", "SGD", "sgd", lambda cfg: build_optimizer(nn.Linear(1, 1), cfg.OPTIM)),
        ("OPTIM.LR_SCHEDULER", "cos", "cosine", lambda cfg: scheduler_of(cfg)),
        ("OPTIM.WARMUP_TYPE", "const", "constant", lambda cfg: scheduler_of(cfg)),
        ("INPUT.TRANSFORMS", ["flip"], "random_flip", build_transform),
        ("INPUT.INTERPOLATION", "cubic", "bicubic", build_transform),
        ("DATALOADER.TRAIN_X.SAMPLER", "Random", "RandomSampler", lambda cfg: sampler_of(cfg)),
    ],
)
def test_every_choice_of_the_configuration_is_checked(cfg, key, typed, nearest, build):
    cfg.merge_from_list([key, typed])
    with pytest.raises(UnknownNameError) as caught:
        build(cfg)
    assert (typed if isinstance(typed, str) else typed[0]) in str(caught.value)
    assert f'do you mean "{nearest}"?' in str(caught.value)


def scheduler_of(cfg):
    return build_lr_scheduler(build_optimizer(nn.Linear(1, 1), cfg.OPTIM), cfg.OPTIM)


def sampler_of(cfg):
    return build_sampler(cfg.DATALOADER.TRAIN_X.SAMPLER, cfg=cfg, data_source=[1])
