"""Train the tiny CLIP that ships with the package.

    python tools/train_tiny_clip/train.py --eurosat path/to/EuroSAT.zip \\
        --split path/to/split_zhou_EuroSAT.json --output rpo/assets/tiny_clip.pt

Needs matplotlib (for its fonts) and scikit-learn (for the digits to test on).
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from captions import Captioner
from evaluate import report
from pictures import Pictures
from tiny import Words, centre_positions, new_model, save
from torch.nn.functional import normalize

from rpo.clip.load import Clip

# CLIP lets its scale grow to 100; a lower ceiling keeps features soft: prompts can still move them.
LARGEST_SCALE = 30.0
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.1


def main() -> None:
    """Draw the pictures, train, save, and measure the file that was saved."""
    options = parse_options()
    torch.manual_seed(options.seed)
    pictures = Pictures(options.eurosat, options.split, options.seed)
    captioner = Captioner(options.seed)
    words = Words(captioner.every_caption())
    model = new_model(len(words.ids))
    train(model, pictures, captioner, words, options.steps)
    centre_positions(model, words.longest)
    save(model, words, options.output)
    print(report(options.output, options.eurosat, options.split))


def train(model: Clip, pictures: Pictures, captioner: Captioner, words: Words, steps: int) -> None:
    """AdamW, its rate rising over the first tenth and then falling along a cosine."""
    optimiser = torch.optim.AdamW(
        weight_groups(model), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, steps, pct_start=0.1)
    start = time.time()
    for step in range(1, steps + 1):
        images, concepts, colours = pictures.batch()
        captions, matches = captioner.draw(concepts, colours)
        loss = contrastive_loss(model, images, words(captions), matches)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        model.logit_scale.data.clamp_(max=np.log(LARGEST_SCALE))
        if step % 50 == 0 or step == steps:
            print(f"step {step}/{steps} loss {loss:.3f} {time.time() - start:.0f} s", flush=True)


def weight_groups(model: Clip) -> list[dict]:
    """Matrices decay; biases, norms, words and positions do not."""
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim >= 2 and "embedding" not in name]
    others = [p for name, p in named if p.ndim < 2 or "embedding" in name]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


def contrastive_loss(
    model: Clip, images: torch.Tensor, tokens: torch.Tensor, matches: torch.Tensor
) -> torch.Tensor:
    """CLIP's symmetric loss, where images and captions may match several of each other.

    Args:
        images: (images, 3, 32, 32)
        tokens: (captions, longest)
        matches: (images, captions) bool
    """
    seen = normalize(model.encode_image(images), dim=-1)
    said = normalize(model.encode_text(tokens), dim=-1)
    logits = model.logit_scale.exp() * seen @ said.T
    return (soft_cross_entropy(logits, matches) + soft_cross_entropy(logits.T, matches.T)) / 2


def soft_cross_entropy(logits: torch.Tensor, matches: torch.Tensor) -> torch.Tensor:
    """Cross-entropy against the matches of each row, all equally right."""
    targets = matches / matches.sum(dim=-1, keepdim=True)
    return -(targets * logits.log_softmax(dim=-1)).sum(dim=-1).mean()


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eurosat", type=Path, required=True, help="EuroSAT.zip, or its folder")
    parser.add_argument("--split", type=Path, required=True, help="split_zhou_EuroSAT.json")
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
