"""The tensors of a checkpoint file. Nothing in the file is ever run.

OpenAI's weights are TorchScript archives, and `torch.jit.load` runs code of the archive while it
loads. Such an archive is a zip of raw tensors and of a pickle that says which module holds which;
the pickle is read here with nothing but placeholders for modules.
"""

import math
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

StateDict = dict[str, Tensor]


class NotWeightsError(pickle.UnpicklingError):
    """An archive asks for what no weights need."""


def read_state_dict(path: Path) -> StateDict:
    """The tensors of a checkpoint, a TorchScript archive or a state dict.

    Raises:
        ValueError: the file is neither. OSError: it cannot be opened.
    """
    path.open("rb").close()
    try:
        if _is_torchscript(path):
            with zipfile.ZipFile(path) as archive:
                return TorchScriptArchive(archive).state_dict()
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        why = f": {error}" if isinstance(error, NotWeightsError) else ""
        said = f"{path} is neither a TorchScript archive nor a state dict{why}"
        raise ValueError(said) from error
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ValueError(f"{path} holds no state dict, which maps names to tensors")
    return dict(state)


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


class Placeholder:
    """Stands for a module: its attributes, and the name of the class that the archive gives it."""

    class_name: str
    attributes: dict[str, Any]

    def __setstate__(self, attributes: Any) -> None:
        if not isinstance(attributes, dict):
            raise NotWeightsError(f"{self.class_name} wants to run code of its own")
        self.attributes = attributes


class TorchScriptArchive(pickle.Unpickler):
    """Rebuilds tensors, plain containers and placeholders; refuses everything else."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.root = archive.namelist()[0].split("/")[0]
        super().__init__(archive.open(f"{self.root}/data.pkl"))

    def state_dict(self) -> StateDict:
        """Parameters and buffers by name."""
        return dict(self._tensors(self.load(), ""))

    def _tensors(self, module: Placeholder, prefix: str) -> Iterator[tuple[str, Tensor]]:
        kept = self._declared(module.class_name)
        for name, value in module.attributes.items():
            if isinstance(value, Placeholder):
                yield from self._tensors(value, f"{prefix}{name}.")
            elif name in kept and isinstance(value, Tensor):
                yield prefix + name, value

    def _declared(self, class_name: str) -> list[str]:
        """The parameters and buffers of a class: the source that the archive holds lists them."""
        module, _, name = class_name.rpartition(".")
        source = self.archive.read(f"{self.root}/code/{module.replace('.', '/')}.py").decode()
        body = re.split(rf"^class {re.escape(name)}\(", source, maxsplit=1, flags=re.M)[1]
        body = re.split(r"^class ", body, maxsplit=1, flags=re.M)[0]
        lists = re.findall(r"__(?:parameters|buffers)__ = \[(.*?)\]", body, re.S)
        return re.findall(r'"(\w+)"', "".join(lists))

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__"):
            return type(name, (Placeholder,), {"class_name": f"{module}.{name}"})
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name.endswith("Storage"):
            return getattr(torch, name).dtype
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle" and name.startswith("build_"):
            return list
        raise NotWeightsError(f"it asks for {module}.{name}, which no weights need")

    def persistent_load(self, identity: Any) -> Tensor:
        """A stored row of numbers."""
        _, dtype, key, _, count = identity
        content = bytearray(self.archive.read(f"{self.root}/data/{key}"))
        return torch.frombuffer(content, dtype=dtype, count=count) if count else torch.empty(0)


def _rebuild(
    storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *rest: Any
) -> Tensor:
    if math.prod(size) == 0:
        return storage.new_empty(size)
    return storage.as_strided(size, stride, offset)
