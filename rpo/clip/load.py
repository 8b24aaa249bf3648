"""Loading CLIP: OpenAI's names, local files, and the tiny one that ships with the package."""

import contextlib
import os
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, TypeAlias

import torch
from torch import Tensor

from rpo.suggest import unknown

TINY = "tiny"
TINY_FILE = Path(__file__).parents[1] / "assets" / "tiny_clip.pt"
StateDict = dict[str, Tensor]
# OpenAI's CLIP: an nn.Module whose attributes a type checker cannot know.
Clip: TypeAlias = Any


def import_clip() -> ModuleType:
    """OpenAI's `clip` module, from clip-anytorch or from OpenAI's own repository.

    Raises:
        ImportError: it is missing, or lacks the pkg_resources that clip-anytorch imports.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
            import clip
    except ModuleNotFoundError as error:
        cure = {"clip": "clip-anytorch", "pkg_resources": "'setuptools<82'"}.get(str(error.name))
        if cure is None:
            raise
        raise ImportError(
            f"OpenAI's clip cannot be imported ({error}): pip install {cure}"
        ) from error
    return clip


def weights_cache() -> Path:
    """Where downloaded weights are kept: `CLIP_CACHE`, else OpenAI's own ~/.cache/clip."""
    return Path(os.environ.get("CLIP_CACHE") or Path.home() / ".cache" / "clip")


def available_backbones() -> list[str]:
    """Every name that `load_clip` knows; it also takes the path of a checkpoint."""
    return [*import_clip().available_models(), TINY]


def load_clip(name: str) -> Clip:
    """A CLIP on the CPU, in evaluation mode, with OpenAI's mix of float16 and float32 weights.

    Args:
        name: an OpenAI name such as "ViT-B/16" (downloaded once, checked against its SHA-256),
            "tiny", or the path of a checkpoint in OpenAI's format, JIT archive or state dict.

    Raises:
        ValueError: there is no such name or file, or the file is not a CLIP.
        FileNotFoundError: the weights are not here and cannot be downloaded.
    """
    if _kept is not None and name in _kept:
        return _kept[name]
    path = backbone_file(name)
    state = read_state_dict(path)
    try:
        clip = import_clip().model.build_model(state).eval()
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is not a CLIP in OpenAI's format: {error}") from error
    if _kept is not None:
        _kept[name] = clip
    return clip


# The CLIPs loaded so far within `keep_clip`, None outside of it.
_kept: dict[str, Clip] | None = None


@contextlib.contextmanager
def keep_clip() -> Iterator[None]:
    """While it lasts, `load_clip` reads a CLIP once and then returns that very one.

    For a training and its evaluations: they use CLIP in one precision and never change its weights.
    """
    global _kept
    _kept = {}
    try:
        yield
    finally:
        _kept = None


def backbone_file(name: str) -> Path:
    """The checkpoint behind a name, downloaded if need be."""
    if name == TINY:
        return TINY_FILE
    clip = import_clip()
    if name in clip.available_models():
        return _download(clip, name)
    if Path(name).is_file():
        return Path(name)
    raise ValueError(unknown("backbone or checkpoint file", name, available_backbones()))


def _download(clip: ModuleType, name: str) -> Path:
    url = clip.clip._MODELS[name]
    try:
        return Path(clip.clip._download(url, str(weights_cache())))
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"the weights of {name} are not in {weights_cache()} and cannot be downloaded "
            f"({error}). Fetch {url} and put it there, or set MODEL.BACKBONE.NAME to the path of "
            f'a checkpoint, or to "{TINY}", the small CLIP that needs no download'
        ) from error


def read_state_dict(path: Path) -> StateDict:
    """The tensors of a checkpoint. Nothing in the file is unpickled beyond plain data.

    Raises:
        ValueError: the file is neither a TorchScript archive nor a state dict.
    """
    try:
        if _is_torchscript(path):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # it is OpenAI's format, still
                return dict(torch.jit.load(path, map_location="cpu").state_dict())
        return _expand_vocabulary(torch.load(path, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, UnpicklingError) as error:
        raise ValueError(
            f"{path} is neither a TorchScript archive nor a state dict: {error}"
        ) from error


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _expand_vocabulary(state: StateDict) -> StateDict:
    """Fills in the token embeddings that a sparse checkpoint leaves out.

    The tiny CLIP stores only the rows that training touched; the others are noise from a fixed
    seed, so that words it never saw still differ from each other.
    """
    if "token_embedding.rows" not in state:
        return state
    ids, rows = state.pop("token_embedding.ids"), state.pop("token_embedding.rows")
    size = int(state.pop("token_embedding.vocabulary")), rows.shape[1]
    noise = torch.randn(size, generator=torch.Generator().manual_seed(0))
    weight = noise * state.pop("token_embedding.std").float()
    state["token_embedding.weight"] = weight.index_copy(0, ids, rows.float())
    return state
