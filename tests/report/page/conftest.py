"""Made-up output folders: results.json as a run writes it, with details and history."""

import json
import random
from collections import Counter
from itertools import product

import pytest

BINS = 15
NAMES = ("annual crop land", "forest", "highway", "river", "sea or lake")


@pytest.fixture(scope="session")
def outputs_writer():
    """`write_outputs`, for fixtures that live longer than a test."""
    return write_outputs


@pytest.fixture
def make_outputs(tmp_path):
    """A function to a folder of runs; see `write_outputs`."""
    return lambda **options: write_outputs(tmp_path / "output", **options)


def write_outputs(
    folder,
    methods=("ZeroshotCLIP", "CoOp", "RPO"),
    datasets=("EuroSAT",),
    shots=(16,),
    seeds=(1, 2, 3),
    parts=("base", "new"),
    names=NAMES,
    less=(),
):
    """Runs of every combination; zero-shot without seeds. `less` names what older files lack."""
    for method, dataset, part in product(methods, datasets, parts):
        zero_shot = method.startswith("Zeroshot")
        for number, seed in [(-1, -1)] if zero_shot else product(shots, seeds):
            content = make_content(method, dataset, number, seed, part, names)
            for key in less:
                content.pop(key)
            config = "vit_b16" if zero_shot else "main_K24"
            stage = "train" if part == "base" and not zero_shot else "test"
            path = folder / f"{stage}_{part}" / dataset.lower() / f"shots_{number}"
            write_content(path / method / config / f"seed{seed}", content)
    return folder


def write_content(folder, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(content))


def make_content(method, dataset, shots, seed, part, names=NAMES, images=40):
    """A results.json whose numbers agree with each other."""
    rng = random.Random(repr((method, dataset, shots, seed, part)))
    trains = shots > 0 and part == "base" or part == "all"
    answers = _answers(rng, _skill(method, shots, part), len(names), images)
    files = [f"class_{label}/{rng.randrange(9999):04d}.jpg" for label in range(len(names))]
    return {
        "method": method,
        "dataset": dataset,
        "classes": part,
        "shots": shots,
        "seed": seed,
        "backbone": "ViT-B/16",
        "seconds": {"test": 4.2} | ({"train": 61.5} if trains else {}),
        "learnt_parameters": 0 if shots < 0 else 30720,
        "versions": {"python": "3.11.7", "rpo-clip": "0.1.0", "torch": "2.15.0"},
        "device": "cpu",
        "data": {"split_sha256": "ba0c1b198dbe2794", "train": files, "val": []},
        "config": {"SEED": seed, "OPTIM": {"LR": 0.01}, "TRAINER": {"NAME": method}},
        "class_names": list(names),
        "images": {"train": max(shots, 0) * len(names), "val": 0, "test": len(answers)},
        "peak_mb": 812.4,
        "metrics": {"test": _metrics(answers)},
        "details": {"test": _details(rng, answers, len(names))},
        "history": _history(rng) if trains else None,
    }


def _skill(method, shots, part):
    """How often the made-up method is right: between 0.5 and 0.9."""
    return 0.55 + 0.03 * (sum(map(ord, method)) % 7) + 0.008 * max(shots, 0) - 0.1 * (part == "new")


def _answers(rng, skill, classes, images):
    """(true, predicted) of every image; a wrong answer is a class nearby."""
    answers = []
    for true in range(classes):
        for _ in range(images):
            step = (
                0 if rng.random() < skill * (0.8 + 0.2 * (true % 3)) else rng.choice((1, 1, 1, 2))
            )
            answers.append((true, (true + step) % classes))
    return answers


def _metrics(answers):
    accuracy = 100 * sum(true == predicted for true, predicted in answers) / len(answers)
    return {
        "accuracy": accuracy,
        "error_rate": 100 - accuracy,
        "macro_f1": accuracy - 1.3,
        "top5_accuracy": min(100.0, accuracy + 15),
        "ece": 5.4321,
    }


def _details(rng, answers, classes):
    counts = Counter(true for true, _ in answers)
    right = Counter(true for true, predicted in answers if true == predicted)
    filled = [0, 0, 0, *(rng.randrange(1, 9) * number for number in range(3, BINS))]
    return {
        "per_class_accuracy": [100 * right[k] / counts[k] for k in range(classes)],
        "per_class_count": [counts[k] for k in range(classes)],
        "confusion": [[*cell, count] for cell, count in sorted(Counter(answers).items())],
        "reliability": [
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "count": count,
                "confidence": (number + 0.5) / BINS if count else None,
                "accuracy": max(0.0, (number + 0.5) / BINS - 0.08) if count else None,
            }
            for number, count in enumerate(filled)
        ],
    }


def _history(rng):
    losses = [2 * 0.85**epoch + 0.1 * rng.random() for epoch in range(15)]
    return [
        {"epoch": epoch, "loss": loss, "acc": 60 + 2 * epoch, "lr": 0.01}
        for epoch, loss in enumerate(losses, 1)
    ]
