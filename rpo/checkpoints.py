"""Finding a checkpoint, and loading its parameters strictly."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rpo.clip.load import Clip

# Buffers that the original programs save beside their parameters. They hold CLIP's own token
# embeddings of one class list, and are made anew for every class list.
IGNORED_BUFFERS = ("token_prefix", "token_suffix")


def find_checkpoint(folder: Path, epoch: int | None = None) -> Path:
    """The file of an epoch; without one the best model or, if none was kept, the newest.

    Raises:
        FileNotFoundError: says which files are there instead.
    """
    if epoch is not None:
        candidates = [folder / f"model.pth.tar-{epoch}"]
    else:
        candidates = [folder / "model-best.pth.tar", *_newest_first(folder)]
    for path in candidates:
        if path.is_file():
            return path
    there = ", ".join(path.name for path in sorted(folder.glob("model*")))
    if not there:
        raise FileNotFoundError(
            f"there is no checkpoint in {folder}: its run is not trained yet, or has lost it"
        )
    wanted = candidates[0].name if epoch is not None else "model.pth.tar-<epoch>"
    raise FileNotFoundError(f"there is no {wanted} in {folder}, which has {there}")


def _newest_first(folder: Path) -> list[Path]:
    """`model.pth.tar-<epoch>` by falling epoch."""
    numbered = [
        path for path in folder.glob("model.pth.tar-*") if path.name.split("-")[-1].isdigit()
    ]
    return sorted(numbered, key=lambda path: -int(path.name.split("-")[-1]))


def clip_names(clip: Clip) -> set[str]:
    """What the weights of CLIP are called in a checkpoint of MaPLe, IVLP, VPT or PromptSRC.

    Their original programs save the whole network. CLIP's weights in it are those of the backbone;
    PromptSRC's has the image encoder twice.
    """
    names = set()
    for name in clip.state_dict():
        tower, _, rest = name.partition(".")
        if tower == "visual":
            names |= {f"image_encoder.{rest}", f"prompt_learner.ZS_image_encoder.{rest}"}
        else:
            names.add(f"text_encoder.{name}")
    return names | {"logit_scale"}


def check_finite(module: nn.Module, what: str) -> None:
    """Raises FloatingPointError, with the name, if a parameter or buffer is infinite or NaN."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise FloatingPointError(
                f"{what} is not finite: {name} holds NaN or infinity. A lower OPTIM.LR helps where "
                "training did that"
            )


def load_parameters(
    module: nn.Module, state: Any, path: Path, ignored: Container[str] = ()
) -> None:
    """Copies a state dict into a module; the module keeps its own precision.

    Args:
        module: where parts of it name tensors in `rows`, these take as many rows as the state has;
            none, if they are not in it.
        state: the entry "state_dict" of the checkpoint in the file `path`, if it has one.
        ignored: names that may stand in the state dict and are not looked at, unless they are the
            module's own.

    Raises:
        ValueError: it is no state dict, or a parameter is missing, unknown, of another shape or not
            finite. Nothing is copied then.
    """
    if not isinstance(state, Mapping) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ValueError(f"{path} is no checkpoint of a method: it has no state_dict of tensors")
    wanted = module.state_dict(keep_vars=True)
    rows = names_of_rows(module)
    given = {name: wanted[name].data[:0] for name in rows} | {
        key: value
        for key, value in state.items()
        if key in wanted or not (key in ignored or key.endswith(IGNORED_BUFFERS))
    }
    problems = [f"{key} is missing" for key in wanted.keys() - given.keys()]
    problems += [f"{key} is unknown" for key in given.keys() - wanted.keys()]
    problems += [
        f"{key} is {tuple(given[key].shape)} there and {tuple(wanted[key].shape)} here"
        for key in wanted.keys() & given.keys()
        if given[key].shape[key in rows :] != wanted[key].shape[key in rows :]
    ]
    problems += [
        f"{key} holds NaN or infinity"
        for key in wanted.keys() & given.keys()
        if given[key].is_floating_point() and not torch.isfinite(given[key]).all()
    ]
    if problems:
        raise ValueError(
            f"{path} does not fit this run: {'; '.join(sorted(problems))}. Evaluate with the "
            "method, number of prompts and backbone that it was trained with"
        )
    with torch.no_grad():
        for key, value in given.items():
            if key in rows:
                wanted[key].data = wanted[key].new_empty(value.shape)
            wanted[key].copy_(value)


def names_of_rows(module: nn.Module) -> set[str]:
    """The tensors whose number of rows is that of classes which were trained on."""
    parts = module.named_modules()
    found = ((prefix, name) for prefix, part in parts for name in getattr(part, "rows", ()))
    return {f"{prefix}.{name}".lstrip(".") for prefix, name in found}
