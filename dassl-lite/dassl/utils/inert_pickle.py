"""A pickle reader that runs nobody's code: tensors come out, everything else is a placeholder.

Pickle files can call any function of any module. This reader knows the few functions that put
tensors together; whatever else a file names becomes a `Placeholder`. The module has the two
names, `Unpickler` and `load`, that `torch.load` asks of its argument `pickle_module`.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any

import torch


class Placeholder:
    """Stands where a file wanted an object of another class; takes anything, does nothing."""

    wanted = ""  # the name that the file gave, e.g. "torch.optim.lr_scheduler.StepLR"

    def __new__(cls, *args: Any, **kwargs: Any) -> "Placeholder":
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """Ignore `item`."""

    def extend(self, items: Any) -> None:
        """Ignore `items`."""

    def __repr__(self) -> str:
        return f"<placeholder for {self.wanted}>"


def contains_placeholder(value: Any) -> bool:
    """Return whether `value`, or anything inside its dicts and lists, is a `Placeholder`."""
    if isinstance(value, dict):
        return any(contains_placeholder(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(contains_placeholder(item) for item in value)
    return isinstance(value, Placeholder)


class Unpickler(pickle.Unpickler):
    """Resolves no name but those that tensors need (`torch.load` itself adds the storages)."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the tensor builder or container called `name`, or a kind of `Placeholder`."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch._utils" and name in _TENSOR_BUILDERS:
            return _guarded(getattr(torch._utils, name))
        return type("Placeholder", (Placeholder,), {"wanted": f"{module}.{name}"})


_TENSOR_BUILDERS = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    # A file can also set attributes on what it was given; let that be a throw-away.
    return lambda *args: function(*args)


def load(file: IO[bytes], **settings: Any) -> Any:
    """Read one pickled object from `file`; see `Unpickler`."""
    return Unpickler(file, **settings).load()
