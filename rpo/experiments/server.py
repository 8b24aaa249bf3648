"""What the server of processes imports, once for all the jobs that are forked from it."""

import importlib

from rpo.cli import spare_the_collector

from .worker import WORK

spare_the_collector()
importlib.import_module(WORK)
