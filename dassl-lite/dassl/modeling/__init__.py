"""Backbones and heads by name, for trainers that build their network of both (`SimpleNet`).

The registry has torchvision's ResNets; a plugin adds its own backbone, a function of `pretrained`
to a module with `out_features`, or its own head.
"""

import importlib
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from dassl.utils import Registry

BACKBONE_REGISTRY = Registry("BACKBONE")
HEAD_REGISTRY = Registry("HEAD")


class Backbone(nn.Module):
    """A module from images to features (batch, `out_features`)."""

    _out_features: int

    @property
    def out_features(self) -> int:
        """Width of the features."""
        return self._out_features


class ResNet(Backbone):
    """A ResNet of torchvision up to its pooled features; the names of its weights are the same."""

    def __init__(self, depth: int, pretrained: bool) -> None:
        super().__init__()
        models = importlib.import_module("torchvision.models")  # which takes seconds
        network = getattr(models, f"resnet{depth}")(weights="IMAGENET1K_V1" if pretrained else None)
        self._out_features = network.fc.in_features
        del network.fc
        for name, module in network.named_children():
            self.add_module(name, module)

    def forward(self, images: Tensor) -> Tensor:
        """(batch, 3, height, width) to (batch, out_features)."""
        features = images
        for module in self.children():
            features = module(features)
        return features.flatten(1)


def _register_resnet(depth: int) -> None:
    def build(pretrained: bool = True, **options: Any) -> ResNet:
        return ResNet(depth, pretrained)

    build.__name__ = f"resnet{depth}"
    BACKBONE_REGISTRY.register(build)


for _depth in (18, 34, 50, 101, 152):
    _register_resnet(_depth)


class MLP(nn.Module):
    """Linear layers, each with batch normalisation and dropout where asked."""

    def __init__(
        self,
        in_features: int = 2048,
        hidden_layers: Sequence[int] | int = (),
        activation: str = "relu",
        bn: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Raises ValueError without a layer, or for an activation but relu and leaky_relu."""
        super().__init__()
        widths = [hidden_layers] if isinstance(hidden_layers, int) else list(hidden_layers)
        activations = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}
        if not widths or activation not in activations:
            raise ValueError(f"no MLP of layers {widths} with activation {activation!r}")
        layers: list[nn.Module] = []
        for before, after in zip([in_features, *widths], widths, strict=False):
            layers.append(nn.Linear(before, after))
            layers += [nn.BatchNorm1d(after)] if bn else []
            layers.append(activations[activation](inplace=True))
            layers += [nn.Dropout(dropout)] if dropout else []
        self.mlp = nn.Sequential(*layers)
        self.out_features = widths[-1]

    def forward(self, features: Tensor) -> Tensor:
        """(batch, in_features) to (batch, out_features)."""
        return self.mlp(features)


@HEAD_REGISTRY.register()
def mlp(**options: Any) -> MLP:
    """Return an `MLP`."""
    return MLP(**options)


def build_backbone(name: str, verbose: bool = True, **kwargs: Any) -> nn.Module:
    """Return the backbone of a name; raise `UnknownNameError`."""
    if verbose:
        print(f"Backbone: {name}")
    return BACKBONE_REGISTRY.get(name)(**kwargs)


def build_head(name: str, verbose: bool = True, **kwargs: Any) -> nn.Module:
    """Return the head of a name; raise `UnknownNameError`."""
    if verbose:
        print(f"Head: {name}")
    return HEAD_REGISTRY.get(name)(**kwargs)
