"""Settings of a method: a frozen dataclass, each field with its meaning and what it may be.

They are declared once. YACS keys and their defaults, checks, messages and documentation are made
from them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any


def setting(
    default: Any, meaning: str, choices: Sequence[str] = (), at_least: float | None = None
) -> Any:
    """A field of a settings dataclass."""
    metadata = {"meaning": meaning, "choices": choices, "at_least": at_least}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Base of every method's settings; a value that cannot work raises ValueError or TypeError."""

    def __post_init__(self) -> None:
        check(type(self), vars(self))


def described(kind: type[Settings]) -> Iterator[tuple[str, Any, str]]:
    """Name, default and meaning of every field; the meaning ends with what it may be.

    Raises:
        ValueError: a field has no default.
    """
    for each in fields(kind):
        if each.default is MISSING:
            raise ValueError(
                f"the field {each.name} of {kind.__module__}.{kind.__name__} has no default, as in "
                f'{each.name}: float = setting(1.0, "What it is.")'
            )
        yield each.name, each.default, f"{each.metadata.get('meaning', '')}{_allowed(each)}"


def check(
    kind: type[Settings], values: Mapping[str, Any], shown: Callable[[str], str] = str
) -> None:
    """Refuses the first value that cannot work.

    Args:
        shown: how a message names a field, as the user typed it.

    Raises:
        TypeError: a value of another type than the default's. ValueError: out of its range.
    """
    for each in fields(kind):
        value, name = values[each.name], shown(each.name)
        choices, at_least = map(each.metadata.get, ("choices", "at_least"))
        if not _fits(value, each.default):
            wanted = type(each.default).__name__
            raise TypeError(f"{name} is {value!r}; it must be of type {wanted}")
        if choices and value not in choices:
            raise ValueError(f'{name} is "{value}"; it can be {", ".join(choices)}')
        if at_least is not None and not value >= at_least:
            raise ValueError(f"{name} is {value}; it must be at least {at_least}")


def _fits(value: Any, default: Any) -> bool:
    """An integer is a fine number; a truth value is none."""
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, tuple):  # which JSON and YAML read as a list
        return isinstance(value, (list, tuple)) and all(_fits(each, default[0]) for each in value)
    return isinstance(value, (int, float) if isinstance(default, float) else type(default))


def _allowed(each: "Field[Any]") -> str:
    if choices := each.metadata.get("choices"):
        return f" One of {', '.join(choices)}."
    at_least = each.metadata.get("at_least")
    return "" if at_least is None else f" At least {at_least}."
