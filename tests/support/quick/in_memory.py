"""Temporary files of `pytest -p in_memory`: in memory where there is room, as disks may be slow.

The suite writes a hundred thousand small ones, a gigabyte in all. TMPDIR overrides it.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30


def pytest_configure(config):
    """The workers of pytest-xdist have TMPDIR from the process that starts them."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH:
        return
    room = tempfile.TemporaryDirectory(prefix="tests-", dir=MEMORY, ignore_cleanup_errors=True)
    config.add_cleanup(room.cleanup)
    os.environ["TMPDIR"], tempfile.tempdir = room.name, None
