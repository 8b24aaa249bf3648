"""A guard against slow regressions: ratios measured in one run, against those that are expected.

    python benchmarks/check.py            # exit status 1 if one is worse than its tolerance allows
    python benchmarks/check.py --write    # what was measured becomes what is expected

Ratios of two things on one machine, as seconds differ from machine to machine; and each side is the
fastest of several, as other work only ever slows a machine down.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import common
import evaluate
import job
import step
from tabulate import tabulate

EXPECTED = Path(__file__).with_name("expected.json")
SIZES: dict[str, Any] = {"backbone": "ViT-B/32", "precision": "fp32", "batch": 4, "repeats": 3}
SIZES |= {"compile": "none", "seeds": 3}


def sizes(**own: Any) -> Any:
    """Options of a benchmark."""
    return SimpleNamespace(**SIZES | own)


def seconds(form: str, **own: Any) -> float:
    """Of a training step, in a process of its own."""
    return common.in_own_process(step.measure, form, sizes(**own))[0]


def start(code: str) -> float:
    """Seconds of a fresh Python with some code."""
    return min(job.wall([sys.executable, "-c", code], repeats=1) for _ in range(5))


def step_ratio() -> float:
    """The original's form over ours: 100 classes, K = 4."""
    own = {"classes": 100, "k": 4}
    return seconds("masked", **own) / seconds("fast", **own)


def tolerance_ratio() -> float:
    """The exact step over one that differentiates a tenth of the classes: 300 classes, K = 8."""
    own = {"classes": 300, "k": 8, "differentiated": 30}
    return seconds("fast", **own) / seconds("bounded", **own)


def evaluation_ratio() -> float:
    """Images a second of RPO over zero-shot CLIP's: K = 24."""
    return evaluate.compare(sizes(classes=100, k=24, batch=16))["ratio"]


def import_ratio() -> float:
    """`import torch` over `import rpo` with a method."""
    return start("import torch") / start("import rpo; rpo.RPO")


def help_ratio() -> float:
    """`import torch` over `rpo --help`, which does without."""
    return start("import torch") / start("from rpo.cli import main; main(['--help'])")


def train_ratio() -> float:
    """`import torch` over what `rpo train` takes outside of training: RPO on the digits."""
    parts = job.split(repeats=3)
    return (parts["python"] + parts["torch"]) / (parts["whole"] - parts["train"])


RATIOS: dict[str, Callable[[], float]] = {
    "step": step_ratio,
    "step with a tolerance": tolerance_ratio,
    "evaluation": evaluation_ratio,
    "import rpo": import_ratio,
    "rpo --help": help_ratio,
    "rpo train": train_ratio,
}


def main(write: bool) -> int:
    """Exit status: 1 if a ratio fell by more than its tolerance."""
    measured = {name: measure() for name, measure in RATIOS.items()}
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.is_file() else {}
    if write:
        rows = {
            name: {
                "ratio": round(ratio, 3),
                "tolerance": expected.get(name, {}).get("tolerance", 0.3),
            }
            for name, ratio in measured.items()
        }
        EXPECTED.write_text(json.dumps(rows, indent=2) + "\n")
        expected = rows
    table = [
        [name, ratio, expected[name]["ratio"], ratio >= least(expected[name])]
        for name, ratio in measured.items()
    ]
    headers = ["faster by", "measured", "expected", "holds"]
    print(tabulate(table, headers=headers, tablefmt="github", floatfmt=".2f"))
    return int(not all(holds for *_, holds in table))


def least(row: dict[str, float]) -> float:
    """The smallest ratio that is no regression."""
    return row["ratio"] * (1 - row["tolerance"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make it the expectation")
    sys.exit(main(parser.parse_args().write))
