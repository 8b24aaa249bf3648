"""Configurations as plain dictionaries: which keys decide what a run computes, and which differ."""

from collections.abc import Mapping, Sequence
from typing import Any

STREAMS, WORKERS = "DATALOADER.STREAMS", "DATALOADER.NUM_WORKERS"
TEMPLATE = "DATASET.TEMPLATE"

# Keys that say where and how to run, not what to compute.
PASSIVE_KEYS = frozenset(
    [
        "OUTPUT_DIR",
        "RESUME",
        "VERBOSE",
        "USE_CUDA",
        "DATASET.ROOT",
        WORKERS,
        "DATALOADER.CACHE_MEGABYTES",
        "DATALOADER.PERSISTENT_WORKERS",
        "DATALOADER.TEST.PREFETCH",
        "TRAIN.PRINT_FREQ",
        "TRAIN.CHECKPOINT_FREQ",
        "TEST.EVALUATOR",
        "TEST.PER_CLASS_RESULT",
        "TEST.COMPUTE_CMAT",
        "LOGGING.WANDB",
        "LOGGING.PROJECT",
    ]
)


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"OPTIM.LR": 0.01, ...} of {"OPTIM": {"LR": 0.01, ...}, ...}, with lists for tuples."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return found


def check_pairs(options: Sequence[str]) -> None:
    """Raises ValueError for `KEY VALUE` pairs of a command line that are none."""
    for key, equals, value in (option.partition("=") for option in options[::2]):
        if equals:
            raise ValueError(f"options come in pairs KEY VALUE: {key} {value}, not {key}={value}")
    if len(options) % 2:
        raise ValueError(f"options come in pairs KEY VALUE, and {options[-1]!r} has no value")


def acting(
    config: Mapping[str, Any], section: str = "", of_training: bool = False
) -> dict[str, Any]:
    """The keys that decide what a run computes: not those of other methods, not `PASSIVE_KEYS`.

    Args:
        section: the method's own, below TRAINER; empty: the one called like the method.
        of_training: whether the number of workers counts, where they draw the augmentation
            themselves (STREAMS is 0). The hash of a configuration has never had it.
    """
    keys = flat(config)
    passive = PASSIVE_KEYS - ({WORKERS} if of_training and keys.get(STREAMS) == 0 else set())
    method = str(keys.get("TRAINER.NAME", ""))
    own = f"TRAINER.{section or method.upper()}."
    return {
        key: value
        for key, value in keys.items()
        if key not in passive
        and (not key.startswith("TRAINER.") or key == "TRAINER.NAME" or key.startswith(own))
    }


def differences(
    stored: Mapping[str, Any],
    asked: Mapping[str, Any],
    section: str = "",
    defaults: Mapping[str, Any] | None = None,
    of_training: bool = True,
) -> list[str]:
    """A line for each acting key in which a stored configuration differs from the one asked for.

    Args:
        section, of_training: see `acting`.
        defaults: of all keys; one that came after the stored run counts as its default there.
    """
    before, now = flat(stored), flat(asked)
    if STREAMS in now and STREAMS not in before:  # a run of version 0.1
        before[STREAMS] = now[STREAMS]
        if not now.get(TEMPLATE):  # then YAML files set it, which is now said by the datasets
            before[TEMPLATE] = now[TEMPLATE]
    there, here = (acting(each, section, of_training) for each in (before, now))
    there = {**{key: value for key, value in flat(defaults or {}).items() if key in here}, **there}
    return sorted(
        f"  {key}: {there.get(key, 'missing')!r} there, {value!r} now"
        for key, value in here.items()
        if key not in there or there[key] != value
    )
