"""Names in Dassl's registries, where another program may have taken them before."""

import importlib
from collections.abc import Callable
from typing import Any

from dassl.engine import TRAINER_REGISTRY

from rpo.methods.traits import known_modules
from rpo.own_source import files_in, is_own
from rpo.suggest import unknown

# Names of ours that somebody else had registered, each with the module that did.
left_alone: dict[str, str] = {}


def register(registry: Any) -> Callable[[type], type]:
    """A class decorator that registers a class under its name, unless the name is taken.

    A dataset raises ValueError if it does not say what all say.
    """

    def decorate(cls: type) -> type:
        if complete := getattr(cls, "refuse_incomplete", None):
            complete()
        if cls.__name__ in registry.registered_names():
            left_alone[cls.__name__] = registry.get(cls.__name__).__module__
        else:
            registry.register()(cls)
        return cls

    return decorate


def check_registered(registry: Any, kind: str, name: str) -> None:
    """Raises ValueError, with the nearest name, for a trainer or dataset that is not registered."""
    known = registry.registered_names()
    if name in known:
        return
    if kind == "trainer" and (module := known_modules().get(name)):
        raise ValueError(
            f"the method {name} of {module} has no trainer: a file of trainers/ registers one, as "
            "CONTRIBUTING.md shows"
        )
    folders = importlib.import_module(f"rpo.{kind}s").__path__
    own = ", ".join(str(file) for file in files_in(folders) if is_own(file))
    raise ValueError(unknown(kind, name, known) + (f". None of {own} registers it" if own else ""))


def section_of(method: str) -> str:
    """The method's own node below TRAINER; empty where its trainer does not say."""
    return getattr(TRAINER_REGISTRY.get(method), "section", "")
