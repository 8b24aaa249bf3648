"""Loading CLIP: OpenAI's names, local files, and the tiny one that ships with the package."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch

from rpo import hashes
from rpo.clip import openai
from rpo.clip.archive import StateDict, read_state_dict
from rpo.clip.precision import set_precision
from rpo.suggest import unknown

TINY = "tiny"
TINY_FILE = Path(__file__).parents[1] / "assets" / "tiny_clip.pt"
# OpenAI's CLIP: an nn.Module whose attributes a type checker cannot know.
Clip: TypeAlias = Any


def available_backbones() -> list[str]:
    """Every name that `load_clip` knows; it also takes the path of a checkpoint."""
    return [*openai.SHA256, TINY]


def load_clip(name: str, precision: str = "fp32") -> Clip:
    """A CLIP on the CPU, in evaluation mode.

    Args:
        name: an OpenAI name such as "ViT-B/16" (downloaded once, checked against its SHA-256),
            "tiny", or the path of a checkpoint in OpenAI's format, JIT archive or state dict.
        precision: of its weights, one of `rpo.clip.precision.PRECISIONS`.

    Raises:
        ValueError: there is no such name, file or precision, or the file is not a CLIP.
        FileNotFoundError: the weights are not here and cannot be downloaded.
    """
    if _kept is not None and (name, precision) in _kept:
        return _kept[name, precision]
    path = backbone_file(name)
    state = expand_vocabulary(read_state_dict(path))
    try:
        clip = openai.model().build_model(state).eval()  # half of the weights in float16
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is not a CLIP in OpenAI's format: {error}") from error
    set_precision(clip, precision)
    if _kept is not None:
        _kept[name, precision] = clip
    return clip


# The CLIPs loaded so far within `keep_clip`, by name and precision; None outside of it.
_kept: dict[tuple[str, str], Clip] | None = None


@contextlib.contextmanager
def keep_clip() -> Iterator[None]:
    """While it lasts, `load_clip` reads a CLIP once and then returns that very one.

    For a training and its evaluations, which never change CLIP's weights.
    """
    global _kept
    _kept = {}
    try:
        yield
    finally:
        _kept = None


def backbone_file(name: str) -> Path:
    """The checkpoint behind a name, downloaded if need be.

    Raises:
        ValueError: there is no such name or file. FileNotFoundError: it cannot be downloaded.
    """
    if name == TINY:
        return TINY_FILE
    if name in openai.SHA256:
        return _verified_or_downloaded(name)
    if Path(name).is_file():
        return Path(name)
    raise ValueError(unknown("backbone or checkpoint file", name, available_backbones()))


def _verified_or_downloaded(name: str) -> Path:
    path, url = openai.weights_file(name), openai.weights_address(name)
    if path.is_file() and sha256(path) == openai.SHA256[name]:
        return path
    if path.is_file():
        print(f"{path} is not what OpenAI published as {name}: it has another SHA-256")
    print(f"Downloading the weights of {name} to {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=openai.SHA256[name])
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"the weights of {name} are not in {path.parent} and cannot be downloaded "
            f"({error}). Fetch {url} and put it there, or set MODEL.BACKBONE.NAME to the path of "
            f'a checkpoint, or to "{TINY}", the small CLIP that needs no download'
        ) from error
    return path


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    return hashes.of_file(path)


def expand_vocabulary(state: StateDict) -> StateDict:
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
