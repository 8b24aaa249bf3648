"""The run that a folder holds: its configuration, and what its parameters were trained on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yacs.config import CfgNode

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
    path = Path(folder) / "run.json"
    return origin(_stored(path)) if path.is_file() else None


def read_config(folder: Path) -> Any:
    """The configuration that a run was made with; it is evaluated and logged as one of today.

    Raises:
        FileNotFoundError: the folder holds no run.json.
    """
    path = folder / "run.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} holds no run: there is no {path.name} in it. Name the folder of a training"
        )
    cfg, stored = default_config(), _stored(path)
    stored.pop("LOGGING", None)
    stored["TEST"].pop("EVALUATOR", None)
    cfg.merge_from_other_cfg(CfgNode(stored))
    return cfg


def _stored(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))["config"]
