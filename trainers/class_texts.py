"""The text of each class: the user's own, the method's published one, or the dataset's."""

from collections.abc import Sequence
from typing import Any

# What the released configs of RPO set for every dataset: no text of anybody's own.
PUBLISHED_PROMPT = "a photo of a _."
PLAIN_TEMPLATE = "a photo of a {}."


def choose_template(cfg: Any, dataset: Any, published: str) -> tuple[str, str]:
    """The template, "{}" for the class name, and where it comes from.

    Args:
        dataset: the dataset or its class.
        published: the method's own template; empty: the dataset's.

    Raises:
        ValueError: DATASET.PROMPT has no place for the class name.
    """
    if cfg.DATASET.TEMPLATE:
        return cfg.DATASET.TEMPLATE, "DATASET.TEMPLATE"
    if cfg.DATASET.PROMPT != PUBLISHED_PROMPT:
        if "_" not in cfg.DATASET.PROMPT:
            raise ValueError(
                f'the prompt template "{cfg.DATASET.PROMPT}" has no "_" for the class name'
            )
        return cfg.DATASET.PROMPT.replace("_", "{}"), "DATASET.PROMPT"
    if published:
        return published, f"of {cfg.TRAINER.NAME}"
    return getattr(dataset, "template", PLAIN_TEMPLATE), f"of {cfg.DATASET.NAME}"


def class_names(cfg: Any, classnames: Sequence[str], default: str) -> list[str]:
    """The dataset's class names, with underscores as DATASET.UNDERSCORES or `default` says.

    Raises:
        ValueError: it is neither "spaces" nor "keep".
    """
    chosen = cfg.DATASET.UNDERSCORES or default
    if chosen not in ("spaces", "keep"):
        raise ValueError(f'DATASET.UNDERSCORES is "{chosen}"; it can be spaces, keep')
    return [name.replace("_", " ") if chosen == "spaces" else name for name in classnames]
