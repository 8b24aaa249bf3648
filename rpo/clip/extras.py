"""Libraries that only some backbones need, and what they say where weights are missing."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any


def required(module: str, extra: str) -> Any:
    """A library that an extra of this distribution installs.

    Raises:
        ImportError: with the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"this backbone needs {module}: pip install 'rpo-clip[{extra}]' ({error})"
        ) from error


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turns what a library raises for missing or damaged files into one sentence with the name.

    Raises:
        FileNotFoundError: they are not here and cannot be downloaded. ValueError: they do not fit.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"{name} is not here and cannot be downloaded, or is damaged: {first_line(error)}"
        ) from error
    except Exception as error:  # damaged files can fail in any way
        raise ValueError(f"{name} is not a CLIP that can be read: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Of a message that may be a page."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
