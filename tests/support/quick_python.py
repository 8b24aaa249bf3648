"""Python processes that do not spend most of their time on the garbage collector.

`make test` makes all of them such.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "quick"


def environment(*paths):
    """Ours, with a PYTHONPATH of these paths alone."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*paths, FOLDER)))}
