"""The plugin as a whole: importing this module registers every method and dataset in Dassl.

For a train.py of one's own, or of another Dassl program: names that are registered already stay
with whoever registered them, and one line says which. `extend_cfg` adds the plugin's keys.
"""

import importlib
import sys

import rpo.datasets
import rpo.trainers
from rpo.own_source import files_in
from rpo.registration import left_alone
from rpo.trainers.config import extend_cfg

__all__ = ["extend_cfg"]

for package in (rpo.trainers, rpo.datasets):
    for file in files_in(package.__path__):
        if file.stem != "__init__":
            importlib.import_module(f"{package.__name__}.{file.stem}")

if left_alone:
    names = ", ".join(f"{name} (of {module})" for name, module in left_alone.items())
    print(f"rpo.plugin: registered already and left alone: {names}", file=sys.stderr)
