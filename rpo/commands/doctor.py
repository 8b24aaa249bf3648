"""`rpo doctor`: what is installed, and what of weights and data is found."""

import argparse
import importlib
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from rpo.clip import openai
from rpo.environment import installed_version, versions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", help="folder of the datasets (default: $DATA, then data)")


def run(args: argparse.Namespace) -> int:
    """Prints the findings; the exit status is 1 if something needed is missing."""
    root = Path(args.root or os.environ.get("DATA") or "data").expanduser().absolute()
    sections = (
        ("versions", _versions()),
        ("device", [_device()]),
        ("clip", _clip()),
        ("dassl", _dassl()),
        (f"weights in {openai.weights_cache()}", _weights()),
        (f"datasets in {root}", _datasets(root)),
    )
    broken = False
    for title, lines in sections:
        print(f"{title}")
        for line in lines:
            broken |= line.startswith("PROBLEM")
            print(f"  {line}")
    return int(broken)


def _versions() -> Iterator[str]:
    for name, found in versions().items():
        yield f"{name} {found}"
    try:
        importlib.import_module("torchvision")
    except Exception as error:  # one that was built for another torch may raise anything
        yield f"PROBLEM: torchvision, for some transforms of images, does not fit to torch: {error}"


def _device() -> str:
    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads"


def _clip() -> Iterator[str]:
    try:
        yield f"found in {openai.package_folder()}"
    except ImportError as error:
        yield f"PROBLEM: {error}"


def _dassl() -> Iterator[str]:
    try:
        dassl = importlib.import_module("dassl")
    except ImportError:
        yield "PROBLEM: not installed: pip install ./dassl-lite, or the original Dassl"
        return
    kind = "dassl-lite" if getattr(dassl, "IS_LITE", False) else "the original Dassl"
    yield f"{kind}, in {Path(str(dassl.__file__)).parent}"
    if installed_version("dassl-lite") and installed_version("dassl"):
        yield f"PROBLEM: dassl-lite and the original Dassl are both installed; Python uses {kind}"


def _weights() -> Iterator[str]:
    yield "tiny: ships with the package"
    for name in openai.SHA256:
        present = openai.weights_file(name).is_file()
        yield f"{name}: {'found' if present else 'not here, downloaded on first use'}"


def _datasets(root: Path) -> Iterator[str]:
    try:
        importlib.import_module("rpo.plugin")
        registry = importlib.import_module("dassl.data.datasets").DATASET_REGISTRY
    except ImportError as error:
        yield f"PROBLEM: the datasets cannot be imported: {error}"
        return
    for name in sorted(registry.registered_names()):
        dataset = registry.get(name)
        if not dataset.dataset_dir:  # a folder of yours, anywhere
            continue
        try:
            found = dataset.at(root).images.is_dir()
        except OSError as error:
            yield f"{name}: {error.filename} cannot be read ({error.strerror})"
            continue
        yield f"{name}: {'found' if found else 'not here. ' + dataset.how_to_get}"
