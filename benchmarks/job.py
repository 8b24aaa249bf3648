"""Where the wall time of a whole job goes: `rpo train` of RPO on the digits, start to end.

    python benchmarks/job.py

Python's start and the imports are timed in processes of their own; loading (CLIP, data, and
torch._dynamo, which an optimiser imports), training and evaluation are what the job writes to
results.json; the rest is logs, checkpoint, exit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

ROOT = Path(__file__).parents[1]
AS_RPO = "from rpo.cli import spare_the_collector; spare_the_collector()"
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}  # the tiny CLIP gains nothing from more
# What each import adds to the one before it.
IMPORTS = {
    "python": "pass",
    "torch": f"{AS_RPO}; import torch",
    "rpo": f"{AS_RPO}; import torch, rpo.plugin, rpo.commands.train",
}


def split(repeats: int) -> dict[str, float]:
    """Seconds by part, in the order of the job; `whole` is all of them."""
    starts = [wall([sys.executable, "-c", code], repeats) for code in IMPORTS.values()]
    imports = [
        starts[0],
        *(after - before for before, after in zip(starts, starts[1:], strict=False)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        wall(train_command(folder), repeats=1)  # the digits are written out the first time
        whole = wall(train_command(folder), repeats)
        seconds = json.loads(Path(folder, "results.json").read_text(encoding="utf-8"))["seconds"]
    parts = dict(zip(IMPORTS, imports, strict=True))
    parts |= {part: seconds[part] for part in ("load", "train", "test")}
    return parts | {"rest": whole - sum(parts.values()), "whole": whole}


def train_command(folder: str) -> list[str]:
    """The command that scripts/rpo/base2new_train.sh digits 1 runs."""
    configs = {"dataset-config-file": "datasets/digits", "config-file": "trainers/RPO/tiny_K24"}
    flags = [
        flag
        for name, file in configs.items()
        for flag in (f"--{name}", f"{ROOT}/configs/{file}.yaml")
    ]
    command = [sys.executable, "-m", "rpo.cli", "train", "--trainer", "RPO", "--seed", "1"]
    return [*command, *flags, "--overwrite", "--output-dir", folder, "DATASET.NUM_SHOTS", "16",
            "DATASET.SUBSAMPLE_CLASSES", "base"]  # fmt: skip


def wall(command: list[str], repeats: int) -> float:
    """The median wall time of a command, in seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=ONE_THREAD)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    common.show(split(options.repeats), options.json)
