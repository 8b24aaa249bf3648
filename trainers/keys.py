"""What the numeric keys of a configuration may be: checked before anything is read or built.

Keys of methods are described in their settings (`rpo.methods`), all others here, once each.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class Range(NamedTuple):
    """Numbers from `low` to `high`: `above` leaves out `low` itself, `below` leaves out `high`,
    `whole` leaves out all but integers."""

    low: float
    high: float = math.inf
    above: bool = False
    below: bool = False
    whole: bool = False

    def holds(self, value: Any) -> bool:
        """Whether a value is such a number."""
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            return False
        if self.whole and value != int(value):
            return False
        if self.above and value == self.low or self.below and value == self.high:
            return False
        return self.low <= value <= self.high

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        lower = f"above {self.low:,}" if self.above else f"of at least {self.low:,}"
        if not math.isfinite(self.high):
            return f"{kind} {lower}"
        upper = f"below {self.high:,}" if self.below else f"at most {self.high:,}"
        return f"{kind} {lower} and {upper}"


COUNT, COUNT_OR_NONE = Range(1, whole=True), Range(0, whole=True)
AMOUNT, POSITIVE, SHARE = Range(0), Range(0, above=True), Range(0, 1)
DECAY = Range(0, 1, below=True)
# Images larger than this do not fit into any memory, and a seed must fit into 32 bits.
PIXELS, SEED = Range(1, 10_000, whole=True), Range(-(2**31), 2**32 - 1, whole=True)

# Of each key what it may be, of a list its parts, and what it means.
KEYS: Mapping[str, tuple[Range, str]] = {
    "SEED": (SEED, "seeds everything; below 0 nothing is seeded"),
    "INPUT.SIZE": (PIXELS, "height and width of the images that the model sees"),
    "INPUT.PIXEL_MEAN": (Range(-1e6, 1e6), "subtracted from the colours"),
    "INPUT.PIXEL_STD": (POSITIVE, "divides the colours"),
    "INPUT.CROP_PADDING": (COUNT_OR_NONE, "pixels around an image before random_crop"),
    "INPUT.RRCROP_SCALE": (Range(0, 1, above=True), "share of the image that a crop keeps"),
    "INPUT.CUTOUT_N": (COUNT_OR_NONE, "squares that cutout takes away"),
    "INPUT.CUTOUT_LEN": (COUNT_OR_NONE, "their side in pixels"),
    "INPUT.GN_MEAN": (Range(-1e6, 1e6), "of gaussian_noise"),
    "INPUT.GN_STD": (AMOUNT, "of gaussian_noise"),
    "INPUT.RANDAUGMENT_N": (COUNT_OR_NONE, "operations of randaugment"),
    "INPUT.RANDAUGMENT_M": (Range(0, 30), "their magnitude"),
    "INPUT.COLORJITTER_B": (AMOUNT, "brightness"),
    "INPUT.COLORJITTER_C": (AMOUNT, "contrast"),
    "INPUT.COLORJITTER_S": (AMOUNT, "saturation"),
    "INPUT.COLORJITTER_H": (Range(0, 0.5), "hue"),
    "INPUT.RGS_P": (SHARE, "probability of random_grayscale"),
    "INPUT.GB_P": (SHARE, "probability of gaussian_blur"),
    "INPUT.GB_K": (COUNT, "its kernel in pixels"),
    "DATASET.NUM_SHOTS": (Range(-1, whole=True), "training images a class; below 1 all of them"),
    "DATALOADER.NUM_WORKERS": (Range(0, 1024, whole=True), "processes that load images"),
    "DATALOADER.STREAMS": (Range(0, 1024, whole=True), "workers whose augmentation is drawn"),
    "DATALOADER.CACHE_MEGABYTES": (AMOUNT, "memory for decoded training images"),
    "DATALOADER.K_TRANSFORMS": (COUNT, "augmented copies that make one item"),
    "DATALOADER.TRAIN_X.BATCH_SIZE": (COUNT, "images of a training step"),
    "DATALOADER.TEST.BATCH_SIZE": (COUNT, "images evaluated at once"),
    "DATALOADER.TEST.PREFETCH": (Range(-1, whole=True), "test batches made ahead"),
    "OPTIM.LR": (POSITIVE, "learning rate"),
    "OPTIM.WEIGHT_DECAY": (AMOUNT, "of the optimiser"),
    "OPTIM.MOMENTUM": (AMOUNT, "of SGD"),
    "OPTIM.SGD_DAMPNING": (AMOUNT, "of SGD's momentum"),
    "OPTIM.RMSPROP_ALPHA": (AMOUNT, "smoothing of RMSprop"),
    "OPTIM.ADAM_BETA1": (DECAY, "of Adam"),
    "OPTIM.ADAM_BETA2": (DECAY, "of Adam"),
    "OPTIM.BASE_LR_MULT": (AMOUNT, "factor of old layers' rate where OPTIM.STAGED_LR is on"),
    "OPTIM.STEPSIZE": (Range(-1, whole=True), "epochs between steps of the rate; -1: none"),
    "OPTIM.GAMMA": (AMOUNT, "factor of the rate at each step"),
    "OPTIM.MAX_EPOCH": (COUNT, "epochs of the training"),
    "OPTIM.WARMUP_EPOCH": (Range(-1, whole=True), "epochs of the warm-up; below 1: none"),
    "OPTIM.WARMUP_CONS_LR": (AMOUNT, "rate of a constant warm-up"),
    "OPTIM.WARMUP_MIN_LR": (AMOUNT, "rate that a linear warm-up begins with"),
    "TRAIN.CHECKPOINT_FREQ": (Range(0, whole=True), "epochs between checkpoints; 0: only the last"),
    "TRAIN.PRINT_FREQ": (COUNT, "batches between lines of the log"),
}
# Lists that must have so many parts.
LENGTHS = {"INPUT.SIZE": 2, "INPUT.PIXEL_MEAN": 3, "INPUT.PIXEL_STD": 3, "INPUT.RRCROP_SCALE": 2}
CHOICES = {
    "INPUT.RESIZE": ("shortest", "squash"),
    "TEST.SPLIT": ("test", "val"),
    "TEST.FINAL_MODEL": ("last_step", "best_val"),
}


# What may stand where a value is of the same type as the default.
TYPES = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}


def wanted(key: str, default: Any) -> str:
    """What a key may be, in words.

    Args:
        default: its value before it was set.
    """
    if key in KEYS:
        count = f"{LENGTHS[key]} times " if key in LENGTHS else ""
        return f"{count}{KEYS[key][0]} ({KEYS[key][1]})"
    return TYPES.get(type(default), "a list")


def check_keys(config: Mapping[str, Any]) -> None:
    """Raises ValueError for the first key of a flat configuration whose value cannot work."""
    for key, (allowed, _) in KEYS.items():
        if key in config and not _holds(key, config[key], allowed):
            raise ValueError(f"{key} is {config[key]}; it must be {wanted(key, config[key])}")
    for key, choices in CHOICES.items():
        if key in config and config[key] not in choices:
            raise ValueError(f"{key} is {config[key]}; it must be one of {', '.join(choices)}")


def _holds(key: str, value: Any, allowed: Range) -> bool:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return len(parts) == LENGTHS.get(key, len(parts)) and all(map(allowed.holds, parts))
