"""RPO's attention masks (figure 4 of the paper), from the function that defines them."""

import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from rpo.attention import attention_mask
from rpo.report.figures.style import SOFT, new_figure, styled

# Small enough to be seen: "a photo of a cat." as words, and nine patches.
WORDS = ["SOS", "a", "photo", "of", "a", "cat", ".", "EOT"]
PADDING, PATCHES, PROMPTS = 2, 9, 3


@styled
def attention_masks(read_only: bool = True) -> Figure:
    """The masks of the text and of the image encoder, as `rpo.attention.attention_mask` has them.

    Args:
        read_only: if false, those of the ablation, in which prompts are ordinary tokens.
    """
    prompts = [f"prompt {number + 1}" for number in range(PROMPTS)]
    words = [*WORDS, *["padding"] * PADDING]
    patches = ["CLS", *[f"patch {number + 1}" for number in range(PATCHES)]]
    lengths = torch.tensor([len(WORDS)])
    text = attention_mask(len(words), PROMPTS, True, lengths, read_only)
    image = attention_mask(len(patches), PROMPTS, False, read_only=read_only)
    figure = new_figure(7.2, 3.9)
    left, right = figure.subplots(1, 2)
    _draw_mask(left, text, [*words, *prompts], "text encoder")
    _draw_mask(right, image, [*patches, *prompts], "image encoder")
    return figure


def _draw_mask(axes: Axes, mask: Tensor, names: list[str], title: str) -> None:
    """A mask (1, 1, tokens, tokens): rows read columns, dark where they may."""
    visible, size = mask[0, 0].int().numpy(), len(names)
    first_prompt = size - PROMPTS
    visible[first_prompt:] *= 2  # what a prompt reads has a colour of its own
    axes.pcolormesh(
        visible, cmap=ListedColormap(["#f2f2f2", "#6b8fb5", "#d55e00"]), vmin=0, vmax=2,
        edgecolors="white", linewidth=0.8,
    )  # fmt: skip
    axes.set(title=title, xlabel="key (is read)", ylabel="query (reads)", aspect="equal")
    middles = [index + 0.5 for index in range(size)]
    axes.set_xticks(middles, labels=names, rotation=90)
    axes.set_yticks(middles, labels=names)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.axhline(first_prompt, color=SOFT, linewidth=0.9)
    axes.axvline(first_prompt, color=SOFT, linewidth=0.9)
