"""What half precision of the frozen towers costs: the tiny CLIP on the digits, RPO, K = 24.

    python benchmarks/precision.py

Against float32: the largest difference of a logit and the error of the prompts' gradient, with the
same prompts, and the test accuracy of a training in that precision. Prompts are float32 in all.
"""

import argparse
from typing import Any

import common
import tolerance
import torch
from tabulate import tabulate
from torch import Tensor
from torch.nn.functional import cross_entropy

import rpo
from rpo.clip.precision import PRECISIONS, autocast


def model_in(precision: str, k: int) -> Any:
    """RPO on the digits' names, from the same start in every precision."""
    clip = rpo.load_clip("tiny", precision)
    torch.manual_seed(0)
    texts = [f"a photo of a {name}." for name in tolerance.DIGITS]
    return rpo.RPO(clip, texts, k=k).to(common.device())


def outputs(model: Any, precision: str, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (batch, classes) and the gradient of all prompts as one vector."""
    with autocast(precision, common.device()):
        logits = model(images)
        loss = cross_entropy(logits.float(), labels)
    learnt = list(model.learner().parameters())
    return logits.detach(), torch.cat(
        [each.flatten() for each in torch.autograd.grad(loss, learnt)]
    )


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each precision."""
    images, labels, test_images, test_labels = (
        each.to(common.device()) for each in tolerance.digits()
    )
    trained = model_in("fp32", options.k)
    tolerance.train(trained, images, labels, options.epochs)
    exact, gradient = outputs(trained, "fp32", images, labels)
    rows = []
    for precision in PRECISIONS:
        model = model_in(precision, options.k)
        model.learner().load_state_dict(trained.learner().state_dict())
        logits, own = outputs(model, precision, images, labels)
        anew = model_in(precision, options.k)
        with autocast(precision, common.device()):
            tolerance.train(anew, images, labels, options.epochs)
            with torch.no_grad():
                hits = (anew(test_images).argmax(dim=1) == test_labels).float().mean()
        rows.append(
            {
                "precision": precision,
                "largest difference of a logit": float((logits - exact).abs().max()),
                "error of the gradient": float((own - gradient).norm() / gradient.norm()),
                "accuracy of a training": 100 * float(hits),
            }
        )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--k", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=15)
    print(tabulate(compare(parser.parse_args()), headers="keys", tablefmt="github", floatfmt=".4f"))
