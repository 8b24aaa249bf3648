"""The text of each class: the user's own, the method's published one, or the dataset's."""

from collections.abc import Sequence
from typing import Any

from rpo.clip.texts import class_texts

# What the released configs of RPO set for every dataset: no text of anybody's own.
PUBLISHED_PROMPT = "a photo of a _."
PLAIN_TEMPLATE = "a photo of a {}."


def texts_of_classes(cfg: Any, dataset: Any, names: Sequence[str], published: str) -> list[str]:
    """One text a class; the log says which template was used.

    Args:
        published: the method's own template, "{}" for the class name; empty: the dataset's.

    Raises:
        ValueError: a template has no place for the class name.
    """
    template, source = choose_template(cfg, dataset, published)
    print(f'Class texts: "{template}" ({source})')
    return class_texts(names, template, "{}")


def choose_template(cfg: Any, dataset: Any, published: str) -> tuple[str, str]:
    """The template, "{}" for the class name, and where it comes from."""
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
