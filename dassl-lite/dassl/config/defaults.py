"""Every configuration key with its default; YAML files and the command line change them."""

from typing import Any

from yacs.config import CfgNode

_TRAIN_LOADER = {"SAMPLER": "RandomSampler", "BATCH_SIZE": 32, "N_DOMAIN": 0, "N_INS": 16}

_INPUT = {
    "SIZE": (224, 224),  # height, width in pixels
    # How a test image comes to SIZE: "shortest", by its smaller edge and then the centre, as in the
    # original; or "squash", by both edges.
    "RESIZE": "shortest",
    "INTERPOLATION": "bilinear",
    "TRANSFORMS": (),  # names; they are applied in the fixed order of dassl.data.transforms
    "NO_TRANSFORM": False,
    "PIXEL_MEAN": [0.485, 0.456, 0.406],
    "PIXEL_STD": [0.229, 0.224, 0.225],
    "CROP_PADDING": 4,
    "RRCROP_SCALE": (0.08, 1.0),  # share of the image's area that random_resized_crop keeps
    "CUTOUT_N": 1,
    "CUTOUT_LEN": 16,
    "GN_MEAN": 0.0,
    "GN_STD": 0.15,
    "RANDAUGMENT_N": 2,
    "RANDAUGMENT_M": 10,
    "COLORJITTER_B": 0.4,
    "COLORJITTER_C": 0.4,
    "COLORJITTER_S": 0.4,
    "COLORJITTER_H": 0.1,
    "RGS_P": 0.2,
    "GB_P": 0.5,
    "GB_K": 21,
}

_DATASET = {
    "ROOT": "",
    "NAME": "",
    "SOURCE_DOMAINS": (),
    "TARGET_DOMAINS": (),
    "NUM_LABELED": -1,
    "NUM_SHOTS": -1,  # training images per class; below 1 means all of them
    "VAL_PERCENT": 0.1,
    "STL10_FOLD": -1,
    "CIFAR_C_TYPE": "",
    "CIFAR_C_LEVEL": 1,
    "ALL_AS_UNLABELED": False,
}

_DATALOADER = {
    "NUM_WORKERS": 4,
    # Decoded training images stay in memory if all of them take no more than this; 0: never.
    "CACHE_MEGABYTES": 512,
    "PERSISTENT_WORKERS": True,  # training workers live on, with the random numbers of new ones
    # Where the random numbers of augmentation come from: "worker", as in the original, so that they
    # depend on NUM_WORKERS; or "image", the same for any number of workers.
    "AUGMENT_BY": "worker",
    # With AUGMENT_BY worker: the number of workers whose streams are drawn from, however many
    # there really are, none included. 0: those that there are.
    "STREAMS": 0,
    "K_TRANSFORMS": 1,  # how many differently augmented copies of a training image make one item
    "RETURN_IMG0": False,  # add the image before augmentation to the batch
    "TRAIN_X": _TRAIN_LOADER,
    "TRAIN_U": {"SAME_AS_X": True, **_TRAIN_LOADER},
    # PREFETCH: test batches made ahead, by each worker or, without workers, by a thread; -1: two,
    # but no thread without a GPU, where model and images would only share the same cores.
    "TEST": {"SAMPLER": "SequentialSampler", "BATCH_SIZE": 32, "PREFETCH": -1},
}

_MODEL = {
    "INIT_WEIGHTS": "",  # path of a checkpoint to start from
    "BACKBONE": {"NAME": "", "PRETRAINED": True},
    "HEAD": {"NAME": "", "HIDDEN_LAYERS": (), "ACTIVATION": "relu", "BN": True, "DROPOUT": 0.0},
}

_OPTIM = {
    "NAME": "adam",
    "LR": 0.0003,
    "WEIGHT_DECAY": 5e-4,
    "MOMENTUM": 0.9,
    "SGD_DAMPNING": 0,
    "SGD_NESTEROV": False,
    "RMSPROP_ALPHA": 0.99,
    "ADAM_BETA1": 0.9,
    "ADAM_BETA2": 0.999,
    "STAGED_LR": False,  # layers that are not in NEW_LAYERS learn at LR * BASE_LR_MULT
    "NEW_LAYERS": (),
    "BASE_LR_MULT": 0.1,
    "LR_SCHEDULER": "single_step",
    "STEPSIZE": (-1,),  # in epochs; -1 means MAX_EPOCH, that is: never
    "GAMMA": 0.1,
    "MAX_EPOCH": 10,
    "WARMUP_EPOCH": -1,  # below 1 means no warm-up
    "WARMUP_TYPE": "linear",
    "WARMUP_CONS_LR": 1e-5,
    "WARMUP_MIN_LR": 1e-5,
    "WARMUP_RECOUNT": True,  # the main schedule starts at zero after the warm-up
}

_TRAIN = {
    "CHECKPOINT_FREQ": 0,  # in epochs; 0 saves only after the last one
    "PRINT_FREQ": 10,  # in batches
    "COUNT_ITER": "train_x",
}

_TEST = {
    "EVALUATOR": "Classification",
    "PER_CLASS_RESULT": False,
    "COMPUTE_CMAT": False,
    "NO_TEST": False,
    "SPLIT": "test",
    "FINAL_MODEL": "last_step",  # or best_val
}


class Config(CfgNode):  # type: ignore[misc]
    """yacs's node, but for files in Python, which yacs would run.

    The nodes below it are yacs's own: merging compares types, and programs add `CfgNode` sections.
    """

    @classmethod
    def _create_config_tree_from_dict(cls, dic: Any, key_list: Any) -> Any:
        return CfgNode._create_config_tree_from_dict(dic, key_list)

    @classmethod
    def _decode_cfg_value(cls, value: Any) -> Any:
        return CfgNode._decode_cfg_value(value)

    def merge_from_file(self, cfg_filename: str) -> None:
        """Take in the keys of a YAML file; raise ValueError for a file of another kind."""
        if not str(cfg_filename).endswith((".yaml", ".yml")):
            raise ValueError(f"{cfg_filename} is no YAML file: its name should end in .yaml")
        super().merge_from_file(cfg_filename)


_DEFAULTS = Config(
    {
        "VERSION": 1,
        "OUTPUT_DIR": "./output",
        "RESUME": "",  # folder of an earlier run to continue from; OUTPUT_DIR when empty
        "SEED": -1,  # zero and above seeds everything
        "USE_CUDA": True,
        "VERBOSE": True,
        "INPUT": _INPUT,
        "DATASET": _DATASET,
        "DATALOADER": _DATALOADER,
        "MODEL": _MODEL,
        "OPTIM": _OPTIM,
        "TRAIN": _TRAIN,
        "TEST": _TEST,
        "TRAINER": {"NAME": ""},
    }
)


def get_cfg_default() -> Any:
    """Return a fresh copy of the defaults (a `yacs.config.CfgNode` that reads YAML files alone)."""
    return _DEFAULTS.clone()


def clean_cfg(cfg: Any, trainer: str) -> None:
    """Remove from `cfg.TRAINER` the sections of all trainers but the one named `trainer`."""
    for key in list(cfg.TRAINER):
        if key not in ("NAME", trainer.upper()):
            cfg.TRAINER.pop(key)
