"""The configuration of a run: Dassl's defaults, our keys, two YAML files, the command line."""

from collections.abc import Container
from typing import Any

from dassl.config import get_cfg_default
from dassl.engine import TRAINER_REGISTRY
from yacs.config import CfgNode

from rpo.clip.load import own_preprocessing
from rpo.clip.preprocessing import SQUASH

from .class_texts import PUBLISHED_PROMPT
from .evaluator import DetailedClassification


def default_config() -> Any:
    """The defaults of `rpo train`: Dassl's, the keys of every registered trainer, and CLIP's ways.

    The last is what every published config of CoOp, CoCoOp, MaPLe and RPO repeats, so that a YAML
    file here holds only what is special to it.
    """
    cfg = get_cfg_default()
    extend_cfg(cfg)
    _use_clip_images(cfg.INPUT)
    _use_cosine_schedule(cfg.OPTIM)
    cfg.DATALOADER.TEST.BATCH_SIZE = 100
    if "STREAMS" in cfg.DATALOADER:  # which the original Dassl does not have
        # The published configs name so many workers, whose augmentation is drawn, whoever draws it.
        cfg.DATALOADER.STREAMS = 8
    # Dassl's is called Classification; ours adds top-5, calibration, accuracy a class, confusion.
    cfg.TEST.EVALUATOR = DetailedClassification.__name__
    return cfg


def extend_cfg(cfg: Any) -> None:
    """Adds our keys to a Dassl configuration, for use in any Dassl-style train.py.

    What is there already, Dassl's own defaults and the keys of other programs, stays as it is.
    """
    _add_missing(cfg, _own_keys())


def _own_keys() -> Any:
    """The keys of this project alone, with their defaults."""
    cfg = CfgNode({"TRAINER": {}, "DATASET": {}})
    # Which classes take part: all, base (first half) or new (second half).
    cfg.DATASET.SUBSAMPLE_CLASSES = "all"
    # Your own text of a class, "{}" for its name, for every method that does not learn the words.
    # Empty: the method's published one or, for zero-shot CLIP, that of the dataset's class.
    cfg.DATASET.TEMPLATE = ""
    # The same with "_" for the name, as the released RPO has it; at this value it says nothing.
    cfg.DATASET.PROMPT = PUBLISHED_PROMPT
    # Underscores in class names ("car_side"): "spaces" or "keep". Empty: as in the method's
    # released program; RPO and LP keep them, the others turn them into spaces.
    cfg.DATASET.UNDERSCORES = ""
    # ImageNet's validation images are its test images: TEST.FINAL_MODEL best_val is refused, as it
    # would select on them, unless this is True.
    cfg.DATASET.VALIDATE_ON_TEST = False
    # For DATASET.NAME ImageFolder: a folder of class folders (empty: DATASET.ROOT) ...
    cfg.DATASET.FOLDER = ""
    # ... or a CSV of path,label, paths relative to FOLDER or, if that is empty, to the CSV.
    cfg.DATASET.CSV = ""
    # A file with better class names than the folders', one a line in sorted order of the folders,
    # or JSON from the one to the other.
    cfg.DATASET.CLASS_NAMES = ""
    # Whether images without a test part of their own are split 50 / 20 / 30. If not, all are for
    # training, and a test is on the very same images.
    cfg.DATASET.HOLD_OUT = True
    # Weights & Biases beside TensorBoard, and the project that runs are filed under there.
    cfg.LOGGING = CfgNode({"WANDB": False, "PROJECT": "rpo"})
    for name in TRAINER_REGISTRY.registered_names():
        add_config = getattr(TRAINER_REGISTRY.get(name), "add_config", None)
        if add_config:
            add_config(cfg)
    return cfg


def _add_missing(cfg: Any, keys: Any) -> None:
    for key, value in keys.items():
        if key not in cfg:
            cfg[key] = value
        elif isinstance(value, CfgNode):
            _add_missing(cfg[key], value)


def _use_clip_images(cfg: Any) -> None:
    """Images as CLIP saw them in its own training."""
    cfg.INTERPOLATION = "bicubic"
    cfg.PIXEL_MEAN = [0.48145466, 0.4578275, 0.40821073]
    cfg.PIXEL_STD = [0.26862954, 0.26130258, 0.27577711]
    cfg.TRANSFORMS = ("random_resized_crop", "random_flip", "normalize")


def follow_backbone(cfg: Any, given: Container[str] = ()) -> None:
    """Images as another library's CLIP wants them, but for keys `given` on the command line.

    Raises:
        ValueError, FileNotFoundError, ImportError: there is no such CLIP; see `load_clip`.
    """
    own = own_preprocessing(cfg.MODEL.BACKBONE.NAME)
    if own is None:
        return
    keys = {
        "SIZE": own.size,
        "PIXEL_MEAN": list(own.mean),
        "PIXEL_STD": list(own.std),
        "INTERPOLATION": own.interpolation,
        "RESIZE": own.resize,
    }
    has_resize = "RESIZE" in cfg.INPUT  # which the original Dassl has not
    if not has_resize and keys.pop("RESIZE") == SQUASH:
        raise ValueError(
            f"the images of {cfg.MODEL.BACKBONE.NAME} need INPUT.RESIZE squash, which dassl-lite "
            "has and the original Dassl has not"
        )
    for key, value in keys.items():
        if f"INPUT.{key}" not in given:
            cfg.INPUT[key] = value


def _use_cosine_schedule(cfg: Any) -> None:
    """SGD with a cosine after one epoch at a constant, very small rate."""
    cfg.NAME = "sgd"
    cfg.LR_SCHEDULER = "cosine"
    cfg.WARMUP_EPOCH = 1
    cfg.WARMUP_TYPE = "constant"
    cfg.WARMUP_CONS_LR = 1e-5


def plain(value: Any) -> Any:
    """A configuration as nested dicts and lists."""
    if hasattr(value, "items"):
        return {key: plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, tuple) else value
