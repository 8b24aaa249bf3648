"""The run that a folder holds: its configuration, and what its parameters were trained on."""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from dassl.engine import TRAINER_REGISTRY
from dassl.utils import load_checkpoint

from rpo.checkpoints import find_checkpoint
from rpo.configurations import acting, flat
from rpo.methods.traits import not_installed
from rpo.runs import RUN, RunFolder, epoch_of

from .config import default_config
from .merging import merge


def dataset_title(options: Mapping[str, Any]) -> str:
    """What results are filed under, from the node DATASET: your own images under their folder."""
    if options["NAME"] != "ImageFolder":
        return options["NAME"]
    if options["CSV"]:
        return Path(options["CSV"]).stem
    return Path(options["FOLDER"] or options["ROOT"]).expanduser().absolute().name


def origin(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a run with this configuration trains on, as `trained_on` in results.json says it."""
    options = config["DATASET"]
    return {
        "dataset": dataset_title(options),
        "classes": options.get("SUBSAMPLE_CLASSES", "all"),
        "shots": options["NUM_SHOTS"],
        "seed": config["SEED"],
    }


def origin_of(folder: str | Path) -> dict[str, Any] | None:
    """`origin` of the run in a folder; None where no run.json says what it was."""
    stored = RunFolder(folder).stored()
    return origin(stored["config"]) if stored else None


def earlier_epoch(folder: str | Path, model: str, epoch: int | None = None) -> int | None:
    """Of the checkpoint that `find_checkpoint` gives of a run's model; None where that is what the
    whole training has left.

    Raises:
        FileNotFoundError: there is none.
    """
    place = Path(folder) / model
    path, stored = find_checkpoint(place, epoch), RunFolder(folder).stored() or {}
    if stored.get("finished", True) and path == find_checkpoint(place):
        return None
    return epoch_of(path) if epoch_of(path) >= 0 else load_checkpoint(str(path)).get("epoch")


def read_config(folder: Path) -> Any:
    """The configuration that a run was made with; it is evaluated and logged as one of today.

    Raises:
        FileNotFoundError: the folder holds no run.json.
    """
    stored = RunFolder(folder).stored()
    if stored is None:
        raise FileNotFoundError(
            f"{folder} holds no run: there is no {RUN} in it. Name the folder of a training"
        )
    return as_configuration(stored["config"], str(folder / RUN))


def use_data_below(cfg: Any, root: str | None) -> None:
    """Points a run's configuration at datasets that lie elsewhere; without a root, nowhere else.

    Your own folder or CSV is looked for below it by its name; where it is neither there nor where
    it was, `root` is taken for the folder itself.
    """
    if not root:
        return
    cfg.DATASET.ROOT = root
    for key in ("FOLDER", "CSV", "CLASS_NAMES"):
        before = cfg.DATASET[key]
        below = Path(root, Path(before).name)
        if before and below.exists():
            cfg.DATASET[key] = str(below)
        elif key == "FOLDER" and before and not Path(before).is_dir():
            cfg.DATASET[key] = root


def as_configuration(stored: Mapping[str, Any], source: str = "the stored run") -> Any:
    """A configuration as run.json or results.json holds it, for whatever is done today.

    Args:
        source: of the configuration, for messages.

    Raises:
        ValueError, KeyError: it is none; keys that decide nothing, as those of methods that are
            not here, may be unknown.
    """
    cfg, keys = default_config(), flat(stored)
    if (method := keys.get("TRAINER.NAME")) not in TRAINER_REGISTRY.registered_names():
        raise ValueError(not_installed(str(method), source))
    known, needed = flat(cfg), acting(stored)
    merge(cfg, ((key, keys[key]) for key in keys if _is_today(key, known, needed)), source)
    return cfg


def _is_today(key: str, known: Container[str], needed: Container[str]) -> bool:
    """Not how the run was logged and what evaluated it."""
    if key.startswith("LOGGING.") or key == "TEST.EVALUATOR":
        return False
    return key in known or key in needed
