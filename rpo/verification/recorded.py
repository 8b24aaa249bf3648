"""Checks that need the run's own folder alone."""

import torch
from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

from rpo import hashes, metrics
from rpo.configurations import acting
from rpo.predictions import Predictions
from rpo.registration import section_of
from rpo.report.schema import ANYTHING, COUNT, PERCENT, RESULTS, TEXT, check, check_details
from rpo.runs import HISTORY, PREDICTIONS, RunFolder
from rpo.verification.run import DifferenceError, NotChecked, Run, check_version, require_equal

# What a check reads, beside what a report does.
NEEDED = RESULTS | {
    "backbone": TEXT,
    "class_names": [TEXT],
    "images": {"train": COUNT, "val": COUNT, "test": COUNT},
    "metrics": {"test": {"accuracy": PERCENT}},
    "details": {"test": {"*?": ANYTHING}},
    "config": {"DATASET": {"NAME": TEXT}, "TRAINER": {"NAME": TEXT}},
    "sha256": {
        **{f"{name}?": TEXT for name in ("backbone", "split", "sample", "config", "predictions")},
        "learnt": {"*?": TEXT},
    },
}
# Of the record what its configuration says, too.
CONFIGURED = {
    "method": "TRAINER.NAME",
    "classes": "DATASET.SUBSAMPLE_CLASSES",
    "shots": "DATASET.NUM_SHOTS",
    "seed": "SEED",
    "backbone": "MODEL.BACKBONE.NAME",
}


def record(run: Run) -> str:
    """Its form."""
    check_version(run)
    try:
        check(run.record, NEEDED)
        check_details(run.record)
    except ValueError as error:
        raise DifferenceError(f"results.json is not of its version: {error}") from error
    return "results.json is of version 1"


def predictions(run: Run) -> str:
    """Their hash."""
    wanted = run.told("predictions")
    path = run.folder / PREDICTIONS
    if wanted is None:
        raise NotChecked("the run kept no predictions (TEST.EVALUATOR, or the order of images)")
    if not path.is_file():
        raise DifferenceError(
            f"{PREDICTIONS} is not there, and results.json tells its SHA-256. The command that "
            "made the run measures again, and writes both"
        )
    if (found := hashes.of_file(path)) != wanted:
        raise DifferenceError(f"{PREDICTIONS} has the SHA-256 {found}; results.json tells {wanted}")
    return f"{PREDICTIONS} is the one of the run, of {len(read(run).paths):,} images"


def read(run: Run) -> Predictions:
    """The predictions; a file that holds something else is a difference."""
    try:
        return run.predictions
    except (OSError, ValueError) as error:
        raise DifferenceError(str(error)) from error


def numbers(run: Run) -> str:
    """Metrics, classes, confusion and calibration, computed anew from the predictions."""
    if run.told("predictions") is None:
        raise NotChecked("there are no predictions to compute them from")
    source = f"{PREDICTIONS} gives"
    outcome, classes = outcome_of(read(run)), len(run.record["class_names"])
    found, recorded = metrics.overall(outcome), run.record["metrics"]["test"]
    known = {name: value for name, value in recorded.items() if name in found}
    require_equal("metrics.test", known, {name: found[name] for name in known}, source)
    anew = metrics.details(outcome, classes)
    require_equal("details.test", run.record["details"]["test"], anew, source)
    images = len(outcome.truths)
    require_equal("images.test", run.record["images"]["test"], images, source)
    return f"{', '.join(known)} and all of {classes} classes follow from {images:,} predictions"


def outcome_of(predictions: Predictions) -> metrics.Outcome:
    """The same as tensors, with labels that are classes.

    Raises:
        DifferenceError: a label or class is below 0.
    """
    if min(predictions.labels.min(), predictions.classes.min()) < 0:
        raise DifferenceError(f"{PREDICTIONS} has a class below 0")
    labels, classes = (torch.from_numpy(array).long() for array in predictions[1:3])
    return metrics.Outcome(labels, classes, torch.from_numpy(predictions.probabilities))


def configuration(run: Run) -> str:
    """What the record says twice, and the hash of the configuration."""
    config, data = run.config, run.record.get("data") or {}
    for name, key in CONFIGURED.items():
        if not (name == "classes" and run.record[name] == "all" and has_no_halves(run)):
            require_equal(name, run.record[name], config.get(key), f"its config.{key} is")
    told = {name: run.told(name) for name in ("sample", "split")}
    found = {"sample": hashes.of_sample(data), "split": data.get("split_sha256")}
    require_equal("sha256", told, found, "its data has")
    if run.record["method"] not in TRAINER_REGISTRY.registered_names():
        raise NotChecked(f"there is no method {run.record['method']} here")
    section = section_of(run.record["method"])
    anew = hashes.of_data(acting(run.record["config"], section))
    require_equal("sha256.config", run.told("config"), anew, "its config has")
    return "method, classes, shots, seed and backbone are those of the configuration"


def has_no_halves(run: Run) -> bool:
    """Whether the dataset is a test set, all of whose classes are tested whatever is asked for."""
    name = run.config["DATASET.NAME"]
    known = name in DATASET_REGISTRY.registered_names()
    return known and getattr(DATASET_REGISTRY.get(name), "test_only", False)


def history(run: Run) -> str:
    """The epochs, against history.json."""
    folder = RunFolder(run.folder)
    if not run.record.get("history"):
        raise NotChecked("nothing was trained here")
    if not (run.folder / HISTORY).is_file() or not (folder.stored() or {}).get("finished"):
        raise NotChecked(f"there is no {HISTORY} of a finished run beside it")
    require_equal("history", run.record["history"], folder.history(), f"{HISTORY} has")
    return f"{len(run.record['history'])} epochs are those of {HISTORY}"


def seal(run: Run) -> str:
    """All that cannot be computed anew: unchanged since it was written."""
    if changed := hashes.changed_parts(run.record):
        raise DifferenceError(
            f"{changed[0]} in results.json was changed after it was written: its SHA-256 is not "
            "the one in the seal"
        )
    return f"none of the {len(run.record) - 1} parts of results.json was changed"
