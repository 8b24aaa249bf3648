"""Which versions of what a run was made with."""

import platform
from importlib.metadata import PackageNotFoundError, version

# Distribution names. `clip` is OpenAI's own, `dassl` the original toolkit.
DISTRIBUTIONS = (
    "rpo-clip", "dassl-lite", "dassl", "torch", "torchvision", "numpy", "clip-anytorch", "clip",
    "open_clip_torch", "timm", "transformers",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Python and every distribution above that is installed."""
    installed = {name: installed_version(name) for name in DISTRIBUTIONS}
    return {"python": platform.python_version()} | {
        name: found for name, found in installed.items() if found
    }


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, None if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
