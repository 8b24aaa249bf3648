"""Which runs are one experiment: those whose configuration is equal but for seed and paths.

Folders are named by people, and two runs below the same `main_K24` may have been trained with other
settings: what their configurations state tells them apart. A setting that one of them does not
state, as an older version or another program did not have it, is no difference.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from rpo.configurations import STREAMS, WORKERS, flat
from rpo.methods.traits import known_traits
from rpo.report.names import learns

# Keys, and beginnings of keys, that act on no number or have a column of their own.
IGNORED = (
    "VERSION", "OUTPUT_DIR", "RESUME", "SEED", "USE_CUDA", "VERBOSE", "LOGGING.", "TRAINER.NAME",
    "DATASET.NAME", "DATASET.ROOT", "DATASET.NUM_SHOTS", "DATASET.SUBSAMPLE_CLASSES",
    "DATALOADER.NUM_WORKERS", "DATALOADER.CACHE_MEGABYTES", "DATALOADER.PERSISTENT_WORKERS",
    "DATALOADER.TEST.", "MODEL.INIT_WEIGHTS", "TRAIN.PRINT_FREQ", "TRAIN.CHECKPOINT_FREQ",
    "TEST.EVALUATOR", "TEST.PER_CLASS_RESULT", "TEST.COMPUTE_CMAT", "TEST.NO_TEST",
)  # fmt: skip
# Options of a method that trade memory for time.
IGNORED_OPTIONS = ("COMPILE", "FORM", "MEMORY", "TEXT_CHUNK")
# What acts while training only: an evaluation may state anything there.
TRAINING = ("OPTIM.", "TRAIN.", "DATALOADER.", "TEST.FINAL_MODEL", "INPUT.TRANSFORMS",
            "INPUT.RRCROP_SCALE")  # fmt: skip
# What a dataset's YAML file may set: it is compared within a dataset only.
OF_DATASET = ("DATASET.", "INPUT.")
PATHS = ("DATASET.FOLDER", "DATASET.CSV", "DATASET.CLASS_NAMES")
# No key of a configuration: what the images of a run are known by.
SPLIT_DIGEST = "DATASET.SPLIT_SHA256"
# In a name of an experiment, unless more are needed to tell it from the others.
SHOWN_KEYS = 4


class Stated(NamedTuple):
    """What a run says of itself; `settings` are those that act, as text by key."""

    dataset: str
    trained_on: str
    method: str
    folder: str
    shots: int
    seed: int
    trained: bool
    settings: Mapping[str, str]


def acting(config: Mapping[str, Any], method: str) -> dict[str, str]:
    """The settings of a configuration, nested or flat, that act on a run of a method."""
    foreign = [f"TRAINER.{name.upper()}." for name in known_traits() if name != method]
    ignored = (*IGNORED, *(foreign if method in known_traits() else ()))
    ignored += () if learns(method) else TRAINING
    keys = flat(config)
    by_workers = keys.get(STREAMS) == 0 and learns(method)  # they draw the augmentation themselves
    return {
        key: PurePath(_text(value)).name if key in PATHS else _text(value)
        for key, value in keys.items()
        if not key.startswith(ignored)
        or (key == WORKERS and by_workers)
        and not (key.startswith("TRAINER.") and key.rpartition(".")[2] in IGNORED_OPTIONS)
    }


def _text(value: Any) -> str:
    """A value as text, the same whether a log printed it, tuples included, or JSON holds it."""
    if isinstance(value, str) and value[:1] in ("(", "["):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)


def config_names(runs: Sequence[Stated]) -> list[str]:
    """What each run's configuration is called: its folder, and what tells it from others there."""
    names = [run.folder for run in runs]
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, run in enumerate(runs):
        groups[run.method, run.folder].append(index)
    for indices in groups.values():
        settings = with_training([runs[index] for index in indices])
        keys = differing(
            (run.dataset, stated)
            for run, stated in zip((runs[index] for index in indices), settings, strict=True)
        )
        for index, text in zip(indices, _told_apart(settings, keys), strict=True):
            names[index] += text
    return names


def with_training(runs: Sequence[Stated]) -> list[Mapping[str, str]]:
    """The settings of runs; an evaluation's of training are those of the run that it evaluates.

    That run has the same seed, shots and training set, and agrees in what also acts on a test.
    """
    trained: dict[tuple[str, int, int], list[Mapping[str, str]]] = defaultdict(list)
    for run in runs:
        if run.trained:
            trained[run.dataset, run.shots, run.seed].append(run.settings)
    return [
        run.settings
        if run.trained
        else _adopt(run.settings, trained[run.trained_on, run.shots, run.seed])
        for run in runs
    ]


def _adopt(own: Mapping[str, str], models: Iterable[Mapping[str, str]]) -> Mapping[str, str]:
    """Own settings with those of training of the only model that they can be about."""
    here = {key: value for key, value in own.items() if not key.startswith(TRAINING)}
    on_any_data = {key: value for key, value in here.items() if not key.startswith(OF_DATASET)}
    fitting = [model for model in models if agree(on_any_data, model)]
    training = [_part(model, TRAINING) for model in fitting]
    if not training or any(model != training[0] for model in training):
        return own
    return here | training[0]


def _part(settings: Mapping[str, str], beginnings: tuple[str, ...]) -> dict[str, str]:
    return {key: value for key, value in settings.items() if key.startswith(beginnings)}


def agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether no key has two values."""
    return all(other.get(key, value) == value for key, value in one.items())


def differing(found: Iterable[tuple[str, Mapping[str, str]]]) -> list[str]:
    """Keys with several values, for those of datasets: within one; the method's own first."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for dataset, settings in found:
        for key, value in settings.items():
            values[key, dataset if key.startswith(OF_DATASET) else ""].add(value)
    keys = {key for (key, _), several in values.items() if len(several) > 1}
    order = ("TRAINER.", "MODEL.", "OPTIM.")
    return sorted(keys, key=lambda key: ([not key.startswith(name) for name in order], key))


def model_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Those that say what is learnt, not how long or on which data."""
    return {
        key: value
        for key, value in settings.items()
        if not key.startswith((*OF_DATASET, *TRAINING))
    }


def _told_apart(settings: Sequence[Mapping[str, str]], keys: Sequence[str]) -> list[str]:
    """ " (K 8, MAX_EPOCH 1)" for each of some settings: as many keys as it takes, most of all."""
    if not keys:
        return [""] * len(settings)
    count = min(SHOWN_KEYS, len(keys))
    while len({_values(one, keys[:count]) for one in settings}) < len(
        {_values(one, keys) for one in settings}
    ):
        count += 1
    shown = keys[:count]
    shorts = [_short(key) for key in shown]
    titles = [
        short if shorts.count(short) == 1 else key for key, short in zip(shown, shorts, strict=True)
    ]
    texts = [
        ", ".join(
            f"{title} {one[key]}" for key, title in zip(shown, titles, strict=True) if key in one
        )
        for one in settings
    ]
    return [f" ({text})" if text else "" for text in texts]


def _short(key: str) -> str:
    """K of TRAINER.RPO.K, and BACKBONE of MODEL.BACKBONE.NAME."""
    return key.removesuffix(".NAME").rpartition(".")[2]


def _values(settings: Mapping[str, str], keys: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(settings.get(key) for key in keys)
