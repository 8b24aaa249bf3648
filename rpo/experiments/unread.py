"""Options of a command line that its methods do not read."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

from rpo.registration import section_of


def say_unread(keys: Iterable[str], configs: Iterable[Any]) -> None:
    """What `sentences` gives, on the standard error."""
    for sentence in sentences(keys, configs):
        print(f"warning: {sentence}", file=sys.stderr)


def sentences(keys: Iterable[str], configs: Iterable[Any]) -> Iterator[str]:
    """A sentence for each key and reason.

    Args:
        configs: that of a run of each method.
    """
    keys, configs = list(dict.fromkeys(keys)), list(configs)
    methods = [cfg.TRAINER.NAME for cfg in configs]
    if found := list(of_other_methods(keys, methods)):
        yield f"{', '.join(methods)} will not read {', '.join(found)}"
    reasons: dict[tuple[str, str], list[str]] = {}
    for key in keys:
        for cfg in configs:
            trainer = TRAINER_REGISTRY.get(cfg.TRAINER.NAME)
            if hasattr(trainer, "unread") and (reason := trainer.unread(cfg, key)):
                reasons.setdefault((key, reason), []).append(cfg.TRAINER.NAME)
            dataset = DATASET_REGISTRY.get(cfg.DATASET.NAME)
            if hasattr(dataset, "unread") and (reason := dataset.unread(key)):
                reasons[key, reason] = [cfg.DATASET.NAME]
    for (key, reason), those in reasons.items():
        yield f"{', '.join(those)} will not read {key}: {reason}"


def of_other_methods(keys: Iterable[str], methods: Iterable[str]) -> Iterator[str]:
    """The keys in sections of other methods: TRAINER.COOP.N_CTX where only RPO is run.

    With several methods in one command each reads its own, so that is no mistake.
    """
    sections = {section_of(method) or method.upper() for method in methods}
    for key in keys:
        node, _, rest = key.partition(".")
        section, dot, _ = rest.partition(".")
        if node == "TRAINER" and dot and section not in sections:
            yield key
