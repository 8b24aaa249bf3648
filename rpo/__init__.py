"""Read-only Prompt Optimization for CLIP: the method in plain PyTorch, without Dassl or yacs."""

import os
from pathlib import Path

__version__ = "0.1.0"

# A checkout keeps trainers/, datasets/ and configs/ at its top, and links to them from here. Where
# the file system has no links, they are found at the top all the same; and RPO_PATH names folders
# with further ones, laid out alike.
if not (Path(__file__).parent / "trainers").is_dir():
    __path__.append(str(Path(__file__).parents[1]))
__path__.extend(filter(None, os.environ.get("RPO_PATH", "").split(os.pathsep)))
