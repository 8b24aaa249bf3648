"""The run that a folder holds: its configuration, and what its parameters were trained on."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

from rpo.runs import RUN, RunFolder

from .config import default_config


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
    return as_configuration(stored["config"])


def as_configuration(stored: Mapping[str, Any]) -> Any:
    """A configuration as run.json or results.json holds it, for whatever is done today."""
    cfg, config = default_config(), copy.deepcopy(dict(stored))
    config.pop("LOGGING", None)
    config["TEST"].pop("EVALUATOR", None)
    cfg.merge_from_other_cfg(CfgNode(config))
    return cfg
