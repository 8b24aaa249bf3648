"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield a temporary path beside `path`; what was written there becomes `path` at the end.

    When the body raises, `path` stays as it was and the temporary file is removed.
    """
    temporary = f"{os.fspath(path)}.{os.getpid()}.part"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
