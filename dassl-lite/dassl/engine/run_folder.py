"""The folder that a run writes: whose it is, how far it got, and how to empty it."""

import os
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from dassl.utils import read_json, write_json

#: Configuration keys that say where and how to run, not what to compute.
IGNORED_KEYS = frozenset(
    {
        "OUTPUT_DIR",
        "RESUME",
        "VERBOSE",
        "USE_CUDA",
        "DATASET.ROOT",
        "DATALOADER.NUM_WORKERS",
        "TRAIN.PRINT_FREQ",
        "TRAIN.CHECKPOINT_FREQ",
        "TEST.EVALUATOR",
        "TEST.PER_CLASS_RESULT",
        "TEST.COMPUTE_CMAT",
    }
)

_LEFTOVER = ".[0-9]*.part"  # ends the name of a file whose writing was killed

_MODEL_FILES = ("model.pth.tar-*", "model-best.pth.tar", f"model-best.pth.tar{_LEFTOVER}")
_POINTER = ("checkpoint", f"checkpoint{_LEFTOVER}")
_LOGS = ("log.txt", "log.txt-*")
_RECORDS = ("run.json", "cmat.pt")
_RECORD_LEFTOVERS = tuple(f"{name}{_LEFTOVER}" for name in _RECORDS)


class ConfigMismatchError(ValueError):
    """The folder holds a run of another configuration."""


def run_state(cfg: Any) -> str:
    """Return "new", "interrupted" or "finished" for the run in `cfg.OUTPUT_DIR`.

    A folder with checkpoints but without run.json, as the original Dassl leaves it, counts as
    interrupted.

    Raises:
        ConfigMismatchError: the folder holds a run of another configuration.
    """
    path = _run_file(cfg)
    if not os.path.isfile(path):
        return "interrupted" if any(_model_folders(cfg.OUTPUT_DIR)) else "new"
    run = read_json(path)
    different = differences(run["config"], cfg)
    if different:
        raise ConfigMismatchError(
            f"{cfg.OUTPUT_DIR} holds a run of another configuration. Choose another OUTPUT_DIR or "
            "start anew with --overwrite. Different are:\n" + "\n".join(different)
        )
    return "finished" if run["finished"] else "interrupted"


def differences(stored: dict[str, Any], asked: Any) -> list[str]:
    """Return a line for each key in which a stored configuration differs from the one asked for.

    Keys that say where and how to run, `IGNORED_KEYS`, are not compared.
    """
    return sorted(_differences(_flat(stored), _flat(_plain(asked))))


def record_run(cfg: Any, finished: bool) -> None:
    """Write the configuration, and whether the run has ended, to OUTPUT_DIR/run.json."""
    write_json({"finished": finished, "config": _plain(cfg)}, _run_file(cfg))


def clear_run(output_dir: str) -> None:
    """Remove from `output_dir` what a run writes there, and nothing else.

    That is logs, run.json, cmat.pt, tensorboard/, and in the models' folders the checkpoints; a
    folder that is then empty goes, too. A program with files of its own overrides `run_state` and
    `record_run` of its trainers, and clears its folders itself.
    """
    for folder in list(_model_folders(output_dir)):
        _remove_files(folder, (*_MODEL_FILES, *_POINTER))
        if not os.listdir(folder):
            os.rmdir(folder)
    _remove_files(output_dir, (*_LOGS, *_RECORDS, *_RECORD_LEFTOVERS))
    shutil.rmtree(os.path.join(output_dir, "tensorboard"), ignore_errors=True)


def _run_file(cfg: Any) -> str:
    return os.path.join(cfg.OUTPUT_DIR, "run.json")


def _model_folders(output_dir: str) -> Iterator[str]:
    """Yield the direct subfolders that hold checkpoints."""
    folders = (os.path.join(output_dir, name) for name in _listdir(output_dir))
    return (folder for folder in folders if any(_matching(folder, _MODEL_FILES)))


def _matching(folder: str, patterns: tuple[str, ...]) -> Iterator[str]:
    paths = ((name, os.path.join(folder, name)) for name in _listdir(folder))
    return (
        path
        for name, path in paths
        if os.path.isfile(path) and any(fnmatch(name, pattern) for pattern in patterns)
    )


def _listdir(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _remove_files(folder: str, patterns: tuple[str, ...]) -> None:
    for path in list(_matching(folder, patterns)):
        os.remove(path)


def _plain(config: Any) -> Any:
    """Return `config` as JSON gives it back: nested dicts, with lists for tuples."""
    if isinstance(config, dict):
        return {key: _plain(value) for key, value in config.items()}
    return [_plain(item) for item in config] if isinstance(config, (list, tuple)) else config


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {"OPTIM.LR": 0.01, ...} for {"OPTIM": {"LR": 0.01, ...}, ...}."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _differences(stored: dict[str, Any], asked: dict[str, Any]) -> Iterator[str]:
    for key in (stored.keys() | asked.keys()) - IGNORED_KEYS:
        if key not in asked or key not in stored or stored[key] != asked[key]:
            there, here = _shown(stored, key), _shown(asked, key)
            yield f"  {key}: {there} there, {here} now"


def _shown(config: dict[str, Any], key: str) -> str:
    return repr(config[key]) if key in config else "missing"
