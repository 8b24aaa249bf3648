"""A trained method as a folder: model.safetensors, config.json and README.md, a model card."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from rpo.clip.extras import first_line
from rpo.files import parse_json, read_text, write_bytes, write_json, write_text
from rpo.inference.card import model_card
from rpo.inference.trained import Description, Trained
from rpo.methods.traits import known_traits, not_installed

# Of config.json. It rises when a reader of today would misunderstand what is written.
FORMAT = 1
TENSORS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
REPOSITORY = re.compile(r"(?!\.)[\w.-]+(/[\w.-]+)?")  # of the Hugging Face Hub


def write_folder(trained: Trained, folder: Path) -> None:
    """Writes the three files, each in one step, config.json last, which knows the tensors' hash.

    Raises:
        FileExistsError: see `check_target`.
    """
    check_target(folder)
    tensors = save({name: each.contiguous().cpu() for name, each in trained.tensors.items()})
    content = {"format": FORMAT, "tensors_sha256": hashlib.sha256(tensors).hexdigest()}
    card = model_card(trained)
    write_bytes(folder / TENSORS, tensors)
    write_text(folder / CARD, card)
    write_json(folder / CONFIG, content | trained.description.as_json())


def check_target(folder: Path) -> None:
    """Whether a classifier can be written there, as far as that is seen before.

    Raises:
        FileExistsError: there is a file of that name, or a folder of something else.
        NotADirectoryError, PermissionError: it cannot be made where it is to be.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder)):
        raise FileExistsError(f"{folder} is there already and is no saved classifier: name another")
    above = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not above.is_dir():
        raise NotADirectoryError(f"{folder} cannot be made: {above} is a file")
    if not os.access(above, os.W_OK):
        raise PermissionError(f"{folder} cannot be written: {above} is read-only for you")


def _is_ours(folder: Path) -> bool:
    """Whether a classifier is there, if perhaps a damaged one; other models have a config, too."""
    try:
        return "tensors_sha256" in parse_json(read_text(folder / CONFIG))
    except (OSError, ValueError, TypeError):
        return False


def read_folder(folder: Path) -> Trained:
    """What `write_folder` wrote. Nothing in the folder is run.

    Raises:
        FileNotFoundError: it is not there. ValueError: it is damaged, of a newer version, or of a
            method that is not installed.
    """
    for name in (CONFIG, TENSORS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} is no saved classifier: there is no {name} in it. "
                "`rpo fit` and `rpo export` make such a folder"
            )
    content = _read_config(folder / CONFIG)
    tensors = (folder / TENSORS).read_bytes()
    if hashlib.sha256(tensors).hexdigest() != content.get("tensors_sha256"):
        raise ValueError(f"{folder / TENSORS} is damaged: it is not what {CONFIG} was written for")
    try:
        trained = Trained(Description.from_json(content), load(tensors))
    except (TypeError, ValueError, SafetensorError) as error:
        raise ValueError(f"{folder} is damaged: {error}") from error
    if trained.description.method not in known_traits():
        raise ValueError(not_installed(trained.description.method, folder))
    return trained


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(read_text(path))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise ValueError(
            f"{path} has format {version}, and this version of rpo reads up to {FORMAT}: "
            "update it (pip install --upgrade rpo-clip)"
        )
    if version != FORMAT:
        raise ValueError(f"{path} is not of a saved classifier: its format is {version!r}")
    return content


def push(trained: Trained, repository: str, **options: Any) -> str:
    """Uploads the folder to the Hugging Face Hub; returns the address of the commit.

    Args:
        options: of `huggingface_hub.HfApi.create_repo`: private, token.
    """
    hub = _hub()
    api = hub.HfApi(token=options.pop("token", None))
    name = api.create_repo(repository, exist_ok=True, **options).repo_id
    with tempfile.TemporaryDirectory() as folder:
        write_folder(trained, Path(folder) / "model")
        return str(api.upload_folder(repo_id=name, folder_path=Path(folder) / "model"))


def fetch(repository: str, **options: Any) -> Path:
    """The folder of a repository of the Hugging Face Hub, in its cache.

    What cannot be the name of one, as /path/to/kettles, is not looked for there.

    Args:
        options: of `huggingface_hub.snapshot_download`: revision, token, local_files_only, ...

    Raises:
        FileNotFoundError: there is no such repository, it cannot be reached, or huggingface_hub
            is not installed.
    """
    if not REPOSITORY.fullmatch(repository):
        raise FileNotFoundError(f"there is no folder {repository}")
    try:
        hub = _hub()
    except ImportError as error:
        raise FileNotFoundError(f"there is no folder {repository}, and {error}") from error
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=[TENSORS, CONFIG], **options))
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"there is no folder {repository}, and the Hugging Face Hub does not give it: "
            f"{first_line(error)}"
        ) from error


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            "the Hugging Face Hub needs huggingface_hub: pip install 'rpo-clip[hub]'"
        ) from error
    return huggingface_hub
