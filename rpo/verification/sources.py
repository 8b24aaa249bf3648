"""Checks against what a run was made of: its parameters, its dataset, its backbone."""

import contextlib
import io
import random
from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY
from dassl.utils import load_checkpoint

import rpo.plugin  # noqa: F401  (registers methods and datasets)
from rpo import hashes
from rpo.clip import openai
from rpo.clip.load import TINY, backbone_file, family, sha256
from rpo.datasets.base import FewShotDataset
from rpo.datasets.few_shot import choose_sample, sample_shots
from rpo.datasets.split import Split, class_names, digest
from rpo.files import cache_folder
from rpo.runs import CHECKPOINTS, PREDICTIONS, RESULTS
from rpo.trainers.origin import as_configuration, origin_of, use_data_below
from rpo.verification.run import DifferenceError, NotChecked, Run, require_equal


def parameters(run: Run) -> str:
    """What was learnt: the tensors of a checkpoint, by their hashes."""
    if not run.told("learnt"):
        raise NotChecked("nothing was learnt")
    found = checkpoints_of(run)
    origin = origin_of(found[0].parents[1])
    if origin is not None:
        require_equal("trained_on", run.record["trained_on"], origin, "the training's run.json has")
    return f"{', '.join(f'{path.parent.name}/{path.name}' for path in found)} was tested"


def checkpoints_of(run: Run) -> list[Path]:
    """The file of each model with the parameters that were tested; see `checkpoint_of`."""
    if run.record.get("parameters_in") is None:
        raise NotChecked("the run loaded no parameters")
    folder, learnt = run.folder / run.record["parameters_in"], run.told("learnt")
    names = dict.fromkeys(key.partition("/")[0] for key in learnt)
    return [checkpoint_of(folder / name, learnt) for name in names]


def checkpoint_of(model: Path, learnt: dict[str, str]) -> Path:
    """The file in a model's folder that holds the learnt tensors.

    Raises:
        NotChecked: there is no file. DifferenceError: none of them holds these tensors.
    """
    wanted = {
        key.partition("/")[2]: value
        for key, value in learnt.items()
        if key.startswith(f"{model.name}/")
    }
    paths = sorted(path for name in CHECKPOINTS for path in model.glob(name))
    if not paths:
        raise NotChecked(f"there is no checkpoint in {model}")
    different = ""
    for path in paths:
        try:
            state = load_checkpoint(str(path))["state_dict"]
        except RuntimeError as error:
            raise DifferenceError(f"{path} is damaged: {error}") from error
        there = hashes.of_tensors((key, state[key]) for key in wanted if key in state)
        different = next((key for key in wanted if there.get(key) != wanted[key]), "")
        if not different:
            return path
    raise DifferenceError(
        f"{different} in {paths[-1]} is not the one that was tested: its SHA-256 is another than "
        "results.json tells"
    )


def data(run: Run) -> str:
    """The split, the sample of the seed, and the test images with their labels."""
    dataset, split = whole_split(run)
    require_equal("sha256.split", run.told("split"), digest(split), "the split here has")
    said = sample(run, dataset, split)
    tested = chosen(run, dataset, split)
    names = list(class_names(tested["train"]).values())
    require_equal("class_names", run.record["class_names"], names, "the split has")
    require_equal("images.test", run.record["images"]["test"], len(tested["test"]), "the split has")
    if run.told("predictions") is None:
        return said
    made = run.predictions
    found = zip(made.paths.tolist(), made.labels.tolist(), strict=True)
    for index, (pair, item) in enumerate(zip(found, tested["test"], strict=True)):
        if pair != item[:2]:
            raise DifferenceError(
                f"image {index} is {pair} in {PREDICTIONS}; the split has {item[:2]}"
            )
    return f"{said}; test images and labels are those of the split"


def whole_split(run: Run) -> tuple[Any, Split]:
    """The dataset as it is here, and its split before anything is chosen.

    Raises:
        NotChecked: it is not here.
    """
    cfg = configuration(run)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            dataset = dataset_class(cfg.DATASET.NAME).configured(cfg)
            dataset.prepare()
            return dataset, dataset.load_split()
        except (FileNotFoundError, ValueError) as error:
            raise NotChecked(str(error)) from error


def dataset_class(name: str) -> Any:
    """Raises NotChecked for a dataset that is none of this program's."""
    known = name in DATASET_REGISTRY.registered_names()
    found = DATASET_REGISTRY.get(name) if known else None
    if found is None or not issubclass(found, FewShotDataset):
        raise NotChecked(f"there is no dataset {name} of this program")
    return found


def configuration(run: Run) -> Any:
    """The record's, for the datasets and the backbone of here.

    Raises:
        NotChecked: the dataset is not here, or something is none of this program.
    """
    try:
        cfg = as_configuration(run.record["config"], RESULTS)
    except (KeyError, TypeError, ValueError) as error:
        raise NotChecked(str(error.args[0])) from error
    cfg.MODEL.BACKBONE.NAME = run.backbone or cfg.MODEL.BACKBONE.NAME
    use_data_below(cfg, run.root)
    try:
        dataset_class(cfg.DATASET.NAME).check_files(cfg)
    except (FileNotFoundError, ValueError) as error:
        raise NotChecked(str(error)) from error
    if not Path(cfg.DATASET.ROOT).is_dir():  # of a dataset that makes itself, but not there
        cfg.DATASET.ROOT = str(cache_folder())
    return cfg


def sample(run: Run, dataset: Any, split: Split) -> str:
    """The few-shot images, drawn again from the seed.

    A sample of an original program, stored beside the images, may be another than is drawn.
    """
    told = run.record.get("data") or {}
    recorded = {part: told[part] for part in ("train", "val") if part in told}
    shots, seed = run.record["shots"], run.record["seed"]
    if not recorded:
        return "the split is the one here"
    if seed < 0:
        return "the split is the one here (the sample had no seed)"
    drawn = paths_of(sample_shots(split, shots, random.Random(seed)))
    if recorded != drawn:
        stored = choose_sample(split, shots, seed, dataset.sample_folders())
        if stored.path is None or recorded != paths_of(stored.split):
            require_equal("data", recorded, drawn, f"seed {seed} draws")
        return f"the sample is that of {stored.path}"
    return f"the split is the one here, and seed {seed} draws the {len(drawn['train'])} images"


def paths_of(split: Split) -> dict[str, list[str]]:
    """Of training and validation images."""
    return {part: [item[0] for item in split[part]] for part in ("train", "val")}


def chosen(run: Run, dataset: Any, split: Split) -> Split:
    """The classes that were tested; nothing is sampled."""
    cfg = configuration(run)
    cfg.DATASET.NUM_SHOTS = -1
    with contextlib.redirect_stdout(io.StringIO()):
        return dataset.select(split, cfg)


def backbone(run: Run) -> str:
    """The file of its weights or, of a published one that is not here, its published hash."""
    name = run.backbone or run.record["backbone"]
    if family(name):
        raise NotChecked(f"{name} is of another library; --images loads it and checks it")
    if name in openai.SHA256:
        found, whose = openai.SHA256[name], f"the published {name}"
    elif name == TINY or Path(name).is_file():
        found, whose = sha256(backbone_file(name)), f"the file {name}" if name != TINY else name
    else:
        raise NotChecked(f"the weights {name} are not here; --backbone says where they are")
    require_equal("sha256.backbone", run.told("backbone"), found, f"{whose} has")
    return f"its weights are those of {whose}"
