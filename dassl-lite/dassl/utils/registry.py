"""Name -> object tables, and the error for a name that is in none of them."""

from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Any


class UnknownNameError(KeyError, ValueError):
    """A name that is not among the valid choices."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would put the sentence in quotes


def check_availability(requested: str, available: Iterable[str], kind: str = "name") -> None:
    """Raise `UnknownNameError` unless `requested` is in `available`.

    The message repeats what was typed, lists the valid choices and points at the nearest one.
    """
    choices = sorted(available)
    if requested in choices:
        return
    if not choices:
        raise UnknownNameError(f'Unknown {kind} "{requested}": no {kind} is registered yet')
    nearest = max(choices, key=lambda choice: _similarity(requested, choice))
    raise UnknownNameError(
        f'Unknown {kind} "{requested}" (do you mean "{nearest}"?). '
        f"Valid choices: {', '.join(choices)}"
    )


def _similarity(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower()).ratio()


class Registry:
    """A table of classes or functions that configuration files choose from by name.

    Example::

        DATASET_REGISTRY = Registry("DATASET")

        @DATASET_REGISTRY.register()
        class Pets(DatasetBase): ...

        DATASET_REGISTRY.get("Pets")
    """

    def __init__(self, name: str, left_out: Iterable[str] = ()) -> None:
        """Names of Dassl that are `left_out` here get a message that says so."""
        self._name = name
        self._left_out = frozenset(left_out)
        self._obj_map: dict[str, Any] = {}

    def register(self, obj: Any = None, force: bool = False) -> Any:
        """Register `obj` under its `__name__`; without `obj`, return a decorator that does.

        Raises:
            KeyError: the name is taken and `force` is false.
        """
        if obj is None:
            return self._decorator(force)
        name = obj.__name__
        if name in self._obj_map and not force:
            raise KeyError(f'"{name}" was already registered in {self._name} registry')
        self._obj_map[name] = obj
        return obj

    def _decorator(self, force: bool) -> Callable[[Any], Any]:
        return lambda obj: self.register(obj, force=force)

    def get(self, name: str) -> Any:
        """Return what is registered under `name`; raise `UnknownNameError` (a `KeyError`)."""
        if name in self._left_out and name not in self._obj_map:
            raise UnknownNameError(
                f'The {self._name.lower()} "{name}" of Dassl is left out of dassl-lite, which has '
                "none for domain adaptation, domain generalization or semi-supervised learning"
            )
        check_availability(name, self._obj_map, kind=self._name.lower())
        return self._obj_map[name]

    def registered_names(self) -> list[str]:
        """Return the names in the order of their registration."""
        return list(self._obj_map)

    def __contains__(self, name: str) -> bool:
        return name in self._obj_map
