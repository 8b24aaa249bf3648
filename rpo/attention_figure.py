"""The figure of `rpo look`: a row an image, a column each for CLIP's CLS and for prompts."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from rpo.attention_maps import AttentionMaps, most_different, spread

SHOWN_PROMPTS = 6
INCHES = 1.35
# How much of the colour covers the image below it.
COVER = 0.7
COLOURS = "inferno"
CAPTION_LETTERS = 16


class Column(NamedTuple):
    """A title and the attention (batch, 1 + patches) of CLS or a prompt."""

    title: str
    weights: Tensor


def require_matplotlib() -> None:
    """Raises ImportError with the command that installs it."""
    try:
        from matplotlib.figure import Figure  # noqa: F401
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'rpo-clip[report]'") from error


def columns(maps: AttentionMaps) -> list[Column]:
    """CLS, the mean of the prompts, and those prompts that differ most."""
    count = maps.prompts.shape[1]
    shown = most_different(maps.prompts, SHOWN_PROMPTS)
    return [
        Column("CLIP's CLS", maps.class_token),
        Column(f"mean of\n{count} prompts", maps.prompts.mean(dim=1)),
        *(Column(f"prompt {index + 1}", maps.prompts[:, index]) for index in shown),
    ]


def draw(images: Tensor, captions: Sequence[str], maps: AttentionMaps, layer: int) -> bytes:
    """A PNG.

    Args:
        images: (batch, 3, height, width), 0 to 1, as the model sees them.
        captions: one an image.
    """
    from matplotlib.figure import Figure

    shown = columns(maps)
    width, height = INCHES * (len(shown) + 1) + 1.6, (INCHES + 0.2) * len(images) + 0.9
    figure = Figure(figsize=(width, height), layout="compressed")
    grid = figure.subplots(len(images), len(shown) + 1, squeeze=False)
    # One scale for all, so that colours compare.
    most = max(column.weights[:, 1:].max().item() for column in shown)
    for row, (axes, image, caption) in enumerate(zip(grid, images, captions, strict=True)):
        _show_image(axes[0], image, caption)
        for place, column in zip(axes[1:], shown, strict=True):
            last = _show_attention(place, image, column.weights[row], most)
            if row == 0:
                place.set_title(column.title, fontsize=9)
    bar = figure.colorbar(last, ax=grid, fraction=0.03, pad=0.015)
    bar.set_label("attention to one patch, in percent", fontsize=9)
    figure.suptitle(
        f"Attention maps of the visual prompts: layer {layer}, mean over heads\n"
        "at no patch does a prompt differ from the mean of all by more than "
        f"{100 * spread(maps):.1f} percentage points",
        fontsize=10,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def _show_image(axes: Any, image: Tensor, caption: str) -> None:
    axes.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    lines = "\n".join(textwrap.fill(line, CAPTION_LETTERS) for line in caption.splitlines())
    axes.set_ylabel(lines, fontsize=8, rotation=0, ha="right", va="center")


def _show_attention(axes: Any, image: Tensor, weights: Tensor, most: float) -> Any:
    """The patches' attention over the grey image; below it what is left for CLS."""
    height, width = image.shape[1:]
    grid = weights[1:].unflatten(0, grid_of(weights))
    axes.imshow(image.mean(dim=0).numpy(), cmap="gray", vmin=0, vmax=1)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    options = {"cmap": COLOURS, "alpha": COVER, "vmin": 0, "vmax": 100 * most}
    shown = axes.imshow((100 * grid).numpy(), extent=extent, interpolation="nearest", **options)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(f"{100 * weights[0].item():.0f} % on CLS", fontsize=7, labelpad=2)
    return shown


def grid_of(weights: Tensor) -> tuple[int, int]:
    """Rows and columns of the patches behind (..., 1 + patches); CLIP's images are squares."""
    side = round((weights.shape[-1] - 1) ** 0.5)
    return side, side
