"""Loading CLIP: OpenAI's names, local files, the tiny one that ships with the package, and those of
other libraries."""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch

from rpo import hashes
from rpo.clip import openai
from rpo.clip.archive import StateDict, read_state_dict
from rpo.clip.precision import set_precision
from rpo.clip.preprocessing import Preprocessing
from rpo.suggest import unknown

TINY = "tiny"
TINY_FILE = Path(__file__).parents[1] / "assets" / "tiny_clip.pt"
# OpenAI's CLIP, an nn.Module whose attributes a type checker cannot know; or a `Backbone`.
Clip: TypeAlias = Any
# Other libraries: what their names begin with, and what reads them.
FAMILIES = {"open_clip": "rpo.clip.open_clip", "hf": "rpo.clip.hugging_face"}
# What tells a folder of theirs, and what its name begins with.
FOLDERS = {"open_clip_config.json": "open_clip:local-dir:", "config.json": "hf:"}
FAMILY_NAMES = ("open_clip:MODEL/TAG", "hf:ORGANISATION/NAME", "hf:FOLDER")


def available_backbones() -> list[str]:
    """Every name that `load_clip` knows; it also takes the path of a checkpoint."""
    return [*openai.SHA256, TINY, *FAMILY_NAMES]


def family(name: str) -> tuple[Any, str] | None:
    """The module that reads a name of another library, and the name there; None for OpenAI's."""
    prefix, _, reference = name.partition(":")
    return (importlib.import_module(FAMILIES[prefix]), reference) if prefix in FAMILIES else None


def absolute_name(name: str) -> str:
    """The name of a backbone, with the whole path where it is a file or folder."""
    if name == TINY or name in openai.SHA256:
        return name
    model = f"{name.partition('/')[0]}/" if name.startswith("open_clip:") else ""
    for start in ("hf:", "open_clip:local-dir:", model, ""):
        place = Path(name.removeprefix(start))
        if name.startswith(start) and (place.is_file() or (start and place.is_dir())):
            return f"{start}{place.absolute()}"
    return name


def is_of_files(name: str) -> bool:
    """Whether a name, as `absolute_name` gives it, is that of files here, which may move."""
    return Path(name.rpartition(":")[2]).is_absolute() or "//" in name


def load_clip(name: str, precision: str = "fp32") -> Clip:
    """A CLIP on the CPU, in evaluation mode.

    Args:
        name: an OpenAI name such as "ViT-B/16" (downloaded once, checked against its SHA-256),
            "tiny", or the path of a checkpoint in OpenAI's format, JIT archive or state dict;
            "open_clip:ViT-B-16/laion2b_s34b_b88k" or "hf:google/siglip2-base-patch16-224", see
            `rpo.clip.open_clip` and `rpo.clip.hugging_face`.
        precision: of its weights, one of `rpo.clip.precision.PRECISIONS`.

    Raises:
        ValueError: there is no such name, file or precision, or the file is not a CLIP.
        FileNotFoundError: the weights are not here and cannot be downloaded.
        ImportError: the library is not installed; the extra that has it is named.
    """
    name = str(name)  # a path is one, too
    if _kept is None:
        return _load(name, precision)
    before = torch.get_rng_state().numpy().tobytes()
    kept = _kept.get((name, precision))
    if kept is None or before not in kept.states:
        clip = _load(name, precision)
        kept = kept or _kept.setdefault((name, precision), Kept(clip, {}))
        kept.states[before] = torch.get_rng_state()
    torch.set_rng_state(kept.states[before])
    return kept.clip


def _load(name: str, precision: str) -> Clip:
    other = family(name)
    clip = other[0].load(other[1]) if other else _load_openai(backbone_file(name))
    set_precision(clip, precision)
    return clip


def _load_openai(path: Path) -> Clip:
    """A checkpoint in OpenAI's format, half of the weights in float16.

    Raises:
        ValueError: it is another, or of open_clip, whose state dicts look like OpenAI's and may
            have another activation and other heads, which they do not tell.
    """
    if path.name.startswith("open_clip") or (path.parent / "open_clip_config.json").is_file():
        raise ValueError(
            f"{path} is a checkpoint of open_clip, whose architecture stands beside it: name its "
            f"folder, open_clip:local-dir:{path.parent}, or its model, as open_clip:ViT-B-16/{path}"
        )
    state = expand_vocabulary(read_state_dict(path))
    try:
        return openai.model().build_model(state).eval()
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is not a CLIP in OpenAI's format: {error}") from error


class Kept(NamedTuple):
    """A CLIP that is kept, and what loading it made of the state of PyTorch's random numbers.

    CLIP's parameters are drawn before they are read, so what is drawn after depends on the loading.
    """

    clip: Clip
    states: dict[bytes, torch.Tensor]


# The CLIPs loaded so far within `keep_clip`, by name and precision; None outside of it.
_kept: dict[tuple[str, str], Kept] | None = None


@contextlib.contextmanager
def keep_clip() -> Iterator[None]:
    """While it lasts, `load_clip` returns the CLIP that it has read before.

    For trainings and evaluations, which never change CLIP's weights. Random numbers are drawn as if
    it were read anew; where they have never been in this state before, it is.
    """
    global _kept
    _kept = {}
    try:
        yield
    finally:
        _kept = None


def check_backbone(name: str) -> None:
    """Fetches what is needed to load a CLIP; raises as `load_clip`, sooner."""
    other = family(name)
    other[0].fetch(other[1]) if other else backbone_file(name)


def own_preprocessing(name: str) -> Preprocessing | None:
    """What the images of another library's CLIP go through; None for OpenAI's."""
    other = family(name)
    return other[0].preprocessing(other[1]) if other else None


def image_size(clip: Clip) -> tuple[int, int]:
    """Height and width in pixels of the images that it takes."""
    if hasattr(clip, "preprocessing"):
        return clip.preprocessing.size
    return clip.visual.input_resolution, clip.visual.input_resolution


def check_image_size(images: torch.Tensor, visual: Any) -> None:
    """Raises ValueError for images (..., height, width) of another size than an encoder takes.

    Args:
        visual: OpenAI's encoder or open_clip's; others, which do not say a size so, are let be.
    """
    side = getattr(visual, "input_resolution", None) or getattr(visual, "image_size", None)
    wanted = side if isinstance(side, tuple) else (side, side)
    if side and images.shape[-2:] != wanted:
        given = "{} x {}".format(*images.shape[-2:])
        raise ValueError(
            f"the images are of {given} pixels, and this CLIP takes {wanted[0]} x {wanted[1]}"
        )


def weights_sha256(name: str, clip: Clip | None = None) -> str:
    """In hexadecimal: of OpenAI's file; of another library's tensors, as `Backbone.sha256`.

    Args:
        clip: the CLIP of that name, if it is loaded already.
    """
    if family(name):
        return (load_clip(name) if clip is None else clip).sha256
    return sha256(backbone_file(name))


def backbone_file(name: str) -> Path:
    """The checkpoint behind one of OpenAI's names, downloaded if need be.

    Raises:
        ValueError: there is no such name or file. FileNotFoundError: it cannot be downloaded.
    """
    if name == TINY:
        return TINY_FILE
    if name in openai.SHA256:
        return _verified_or_downloaded(name)
    if Path(name).is_file():
        return Path(name)
    for file, start in FOLDERS.items():
        if Path(name, file).is_file():
            raise ValueError(f'{name} is a folder of another library: name it "{start}{name}"')
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
            f"({error}). Fetch {url} and put it there, or name another backbone (--backbone, in "
            "Python backbone=): the path of a checkpoint, or "
            f'"{TINY}", the small CLIP that needs no download'
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
