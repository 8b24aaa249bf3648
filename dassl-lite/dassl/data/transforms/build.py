"""The pipelines of transforms for training and test."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torchvision import transforms as tv

from dassl.utils import check_availability

from .steps import IMAGE_TRANSFORMS, TENSOR_TRANSFORMS, Step, interpolation

#: accepted in INPUT.TRANSFORMS without effect: the test pipeline has it in any case
_IGNORED = ("center_crop",)


def build_transform(
    cfg: Any, is_train: bool = True, choices: Sequence[str] | None = None
) -> Callable[[Any], Any] | None:
    """Return the pipeline from a PIL image to a tensor (3, height, width), and print its steps.

    Args:
        choices: names of transforms; by default those in INPUT.TRANSFORMS.

    Returns:
        None when INPUT.NO_TRANSFORM is on.

    Raises:
        UnknownNameError: no such transform or interpolation.
    """
    if cfg.INPUT.NO_TRANSFORM:
        print("Note: no transform is applied!")
        return None
    choices = cfg.INPUT.TRANSFORMS if choices is None else choices
    for choice in choices:
        check_availability(
            choice, [*IMAGE_TRANSFORMS, *TENSOR_TRANSFORMS, *_IGNORED], kind="transform"
        )
    print(f"Building transform_{'train' if is_train else 'test'}")
    steps = _train_steps if is_train else _test_steps
    return _compose(steps(cfg.INPUT, choices))


def build_plain_transform(cfg: Any) -> Callable[[Any], Any]:
    """Return the pipeline that only resizes to INPUT.SIZE and does as "normalize" does."""
    resize = tv.Resize(cfg.INPUT.SIZE, interpolation(cfg.INPUT))
    names = [name for name in cfg.INPUT.TRANSFORMS if name == "normalize"]
    normalize = [step for step, _ in _chosen(TENSOR_TRANSFORMS, names, cfg.INPUT)]
    return tv.Compose([resize, tv.ToTensor(), *normalize])


def _train_steps(cfg: Any, choices: Sequence[str]) -> Iterable[Step]:
    if not {"random_crop", "random_resized_crop"} & set(choices):
        yield tv.Resize(cfg.SIZE, interpolation(cfg)), f"resize to {_size(cfg)}"
    yield from _chosen(IMAGE_TRANSFORMS, choices, cfg)
    yield _to_tensor()
    yield from _chosen(TENSOR_TRANSFORMS, choices, cfg)


def _test_steps(cfg: Any, choices: Sequence[str]) -> Iterable[Step]:
    edge = max(cfg.SIZE)
    yield tv.Resize(edge, interpolation(cfg)), f"resize the smaller edge to {edge}"
    yield tv.CenterCrop(cfg.SIZE), f"{_size(cfg)} center crop"
    yield _to_tensor()
    kept = [name for name in choices if name in ("normalize", "instance_norm")]
    yield from _chosen(TENSOR_TRANSFORMS, kept, cfg)


def _chosen(
    table: dict[str, Callable[[Any], Step]], choices: Sequence[str], cfg: Any
) -> Iterable[Step]:
    return (build(cfg) for name, build in table.items() if name in choices)


def _to_tensor() -> Step:
    return tv.ToTensor(), "to torch tensor of range [0, 1]"


def _compose(steps: Iterable[Step]) -> tv.Compose:
    transforms = []
    for transform, description in steps:
        print(f"+ {description}")
        transforms.append(transform)
    return tv.Compose(transforms)


def _size(cfg: Any) -> str:
    return f"{cfg.SIZE[0]}x{cfg.SIZE[1]}"
