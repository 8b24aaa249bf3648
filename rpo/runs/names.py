"""What the files of a run are called."""

from pathlib import Path

LOG, RUN, HISTORY, RESULTS = "log.txt", "run.json", "history.json", "results.json"
PREDICTIONS, FAILURE = "predictions.npz", "failure.json"
RECORDS = (
    RUN,
    HISTORY,
    RESULTS,
    PREDICTIONS,
    FAILURE,
    "cmat.pt",
    "attention.png",
    "attention.json",
)
VERSION = 1  # of results.json; files of before have none
LOGS = (LOG, f"{LOG}-*")
LORA = "lora_weights.pt"  # beside a checkpoint of CLIPLoRA, for its released program
CHECKPOINTS = ("model.pth.tar-*", "model-best.pth.tar")
POINTER = "checkpoint"
LOCK, HOLDER = ".lock", ".holder.json"
PREVIOUS, MOVING = ".previous", ".previous.moving"
LEFT_BY_VERSION_0_1 = (f".{HISTORY}-*", f".{RESULTS}-*")


def epoch_of(checkpoint: Path) -> int:
    """The epoch that a checkpoint's name ends with, -1 where it does not."""
    end = checkpoint.name.rpartition("-")[2]
    return int(end) if end.isdecimal() else -1
