"""How a step's time and memory grow with the number of classes, of prompts, and with the batch.

    python benchmarks/growth.py

One quantity varies at a time. The exponent is the slope of log time over log size between the two
largest sizes: 1 is linear.
"""

import argparse
import copy
import json
import math

import common
import step
from tabulate import tabulate

SIZES = {
    "classes": (10, 30, 100, 300, 1000),
    "k": (1, 4, 16, 64),
    "batch": (4, 16, 64, 256),
}


def grow(options: argparse.Namespace, quantity: str) -> list[dict[str, float]]:
    """A row a size: seconds, MB above CLIP, and the exponent from the size before."""
    rows: list[dict[str, float]] = []
    for size in SIZES[quantity]:
        varied = copy.copy(options)
        setattr(varied, quantity, size)
        seconds, megabytes = common.in_own_process(step.measure, "fast", varied)
        row = {quantity: size, "seconds": seconds, "peak_mb": megabytes}
        if rows:
            growth = math.log(seconds / rows[-1]["seconds"])
            row["exponent"] = growth / math.log(size / rows[-1][quantity])
        rows.append(row)
    return rows


if __name__ == "__main__":
    options = step.parse()
    for quantity in SIZES:
        rows = grow(options, quantity)
        text = tabulate(rows, headers="keys", tablefmt="github", floatfmt=".2f")
        print(json.dumps(rows) if options.json else f"{text}\n", flush=True)
