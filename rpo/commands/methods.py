"""`rpo methods`: the methods, and the settings of each."""

import argparse
import importlib

from tabulate import tabulate

from rpo.experiments.presets import read_preset
from rpo.methods.traits import known_modules, known_traits
from rpo.suggest import unknown

PAPER, TINY = "rpo-paper", "tiny"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", nargs="?", help="show its settings (default: list all methods)")
    # For the scripts: the method's name, its folder, its config, and its config for the tiny CLIP.
    parser.add_argument("--names", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Prints a table of methods, or of the settings of one."""
    if args.method is None:
        print(tabulate(overview(), headers="keys"))
        return 0
    name = registered_name(args.method)
    if args.names:
        configs = (config(preset, name) for preset in (PAPER, TINY))
        print(name, known_traits()[name].folder, *configs)
    else:
        print(tabulate(settings(name), headers="keys", maxcolwidths=[None, None, 70]))
    return 0


def overview() -> list[dict[str, str]]:
    """A row a method, in their order."""
    return [
        {
            "method": name,
            "folder": traits.folder,
            "learns": "yes" if traits.learns else "no",
            "names new classes": "yes" if traits.names_new_classes else "no",
            "config": published_config(name),
        }
        for name, traits in known_traits().items()
    ]


def registered_name(typed: str) -> str:
    """The name of a method, or of its folder.

    Raises:
        ValueError: there is no such method; the nearest name is given.
    """
    for name, traits in known_traits().items():
        if typed in (name, traits.folder):
            return name
    raise ValueError(unknown("method", typed, known_traits()))


def config(preset: str, method: str) -> str:
    """The method's file in configs/trainers for a preset, or the only one that it has."""
    chosen = read_preset(preset)
    return chosen.config(method) or chosen.only_config(method)


def published_config(method: str) -> str:
    """The one of the paper; "-" where there is none yet, as of a method that is being written."""
    try:
        return config(PAPER, method)
    except ValueError:
        return "-"


def settings(name: str) -> list[dict[str, str]]:
    """A row a setting, as its key is typed; the library's name is the last part in lower case."""
    from dassl.engine import TRAINER_REGISTRY

    from rpo.methods.settings import described
    from rpo.registration import section_of

    importlib.import_module("rpo.plugin")  # registers the trainers, which have the section
    method, section = getattr(importlib.import_module(known_modules()[name]), name), name.upper()
    if name in TRAINER_REGISTRY.registered_names():
        section = section_of(name) or section
    return [
        {
            "key": f"TRAINER.{section}.{field.upper()}",
            "default": repr(default),
            "meaning": says,
        }
        for field, default, says in described(method.Settings)
    ]
