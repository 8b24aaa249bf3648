"""Where a training step's time goes: its arithmetic, and the operations that take longest.

    python benchmarks/terms.py --classes 100 --k 24

Predicted is what the step would take if all its arithmetic ran at the speed of the floor's, CLIP's
own image encoder; what is measured above it is memory traffic and overhead.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import common
import step
import torch
from tabulate import tabulate
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

TERMS = 6


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Arithmetic and seconds of step and floor, and the largest terms as shares of the step."""
    clip = common.random_clip(options.backbone, options.precision)
    images = common.images(clip, options.batch)
    train = step.training_step("fast", clip, images, options)
    floor = partial(step.plain, clip, images)
    train()  # what is computed once a run is not part of a step
    arithmetic = giga_operations(train) / giga_operations(floor)
    floor_s = common.seconds(floor, options.repeats)
    return {
        "floor_s": floor_s,
        "predicted_s": arithmetic * floor_s,
        "measured_s": common.seconds(train, options.repeats),
        "terms": largest_terms(train),
    }


def giga_operations(call: Callable[[], Any]) -> float:
    """Multiplications and additions of a call's matrix products and attention, in 10^9."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e9


def largest_terms(call: Callable[[], Any]) -> dict[str, float]:
    """Operation to its share of the call's time, its own time only."""
    on_gpu = torch.cuda.is_available()
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as taken:
        call()
    events = taken.key_averages()
    own = {
        event.key: event.self_device_time_total if on_gpu else event.self_cpu_time_total
        for event in events
    }
    total = sum(own.values())
    largest = sorted(own, key=lambda name: -own[name])[:TERMS]
    return {name: own[name] / total for name in largest}


if __name__ == "__main__":
    options = step.parse()
    result = compare(options)
    if options.json:
        print(json.dumps(result))
    else:
        shares = result.pop("terms").items()
        print(tabulate([result], headers="keys", tablefmt="github", floatfmt=".2f"), "\n")
        print(tabulate(shares, ("operation", "share"), tablefmt="github", floatfmt=".2f"))
