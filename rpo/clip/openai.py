"""OpenAI's own modules: the network, the tokenizer, and where the published weights are.

The two files are taken from the installed distribution and loaded under names of ours. So a folder
called `clip` in the working directory (CoOp's and MaPLe's repositories have one) does not come
between, and the package's own start, which asks for pkg_resources, is not needed.
"""

import functools
import importlib
import importlib.util
import os
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any

# Distributions that hold OpenAI's package `clip`: the one that this project installs, and OpenAI's.
DISTRIBUTIONS = ("clip-anytorch", "clip", "openai-clip")
ADDRESS = "https://openaipublic.azureedge.net/clip/models/{sha256}/{file}"
# Of each file, as OpenAI published it.
SHA256 = {
    "RN50": "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
    "RN101": "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
    "RN50x4": "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
    "RN50x16": "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
    "RN50x64": "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
    "ViT-B/32": "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    "ViT-B/16": "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",
    "ViT-L/14": "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    "ViT-L/14@336px": "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
}


def package_folder() -> Path:
    """The folder of OpenAI's package `clip` in the installed distribution.

    Raises:
        ImportError: it is not installed.
    """
    for name in DISTRIBUTIONS:
        try:
            folder = Path(str(distribution(name).locate_file("clip")))
        except PackageNotFoundError:
            continue
        if (folder / "model.py").is_file():
            return folder
    raise ImportError("OpenAI's clip is not installed: pip install clip-anytorch")


def load_file(name: str, file: str) -> Any:
    """The module that a file of the package defines, under a name of ours."""
    spec = importlib.util.spec_from_file_location(name, package_folder() / file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # which torch.compile asks
    spec.loader.exec_module(module)
    return module


def model() -> ModuleType:
    """OpenAI's `clip/model.py`: `CLIP`, `build_model`, `convert_weights`."""
    return importlib.import_module("rpo.clip.openai_model")


@functools.cache
def tokenizer() -> Any:
    """OpenAI's byte-pair encoder."""
    return _tokenizer_file().SimpleTokenizer()


def cleaned(text: str) -> str:
    """A text as the encoder begins to read it: one of several forms of an accent, and of &amp;."""
    return str(_tokenizer_file().basic_clean(text))


@functools.cache
def _tokenizer_file() -> Any:
    return load_file("rpo.clip.openai_tokenizer", "simple_tokenizer.py")


def weights_cache() -> Path:
    """Where downloaded weights are kept: `CLIP_CACHE`, else OpenAI's own ~/.cache/clip."""
    return Path(os.environ.get("CLIP_CACHE") or Path.home() / ".cache" / "clip")


def weights_file(name: str) -> Path:
    """Where the weights of an OpenAI name are kept, whether they are there or not."""
    return weights_cache() / f"{name.replace('/', '-').replace('@', '-')}.pt"


def weights_address(name: str) -> str:
    """Where OpenAI published the weights of a name."""
    return ADDRESS.format(sha256=SHA256[name], file=weights_file(name).name)
