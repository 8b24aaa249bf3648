"""Python processes that do not spend most of their time on the garbage collector."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "quick"


def environment(*paths):
    """Ours, with a PYTHONPATH of these paths alone."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*paths, FOLDER)))}


def make_default():
    """For all that is started from here, the workers of xdist too."""
    known = os.environ.get("PYTHONPATH", "")
    if str(FOLDER) not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(FOLDER), known)))
