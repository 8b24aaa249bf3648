"""What results.json and predictions.npz carry so that others can verify them (`rpo verify`)."""

import os
from pathlib import Path
from typing import Any

from rpo import hashes
from rpo.clip.load import weights_sha256
from rpo.configurations import acting, flat
from rpo.metrics import Outcome
from rpo.predictions import Predictions, make_predictions
from rpo.runs import RunFolder

from .config import plain

IN_ORDER = "SequentialSampler"


def predictions_of(outcome: Outcome | None, cfg: Any, dataset: Any) -> Predictions | None:
    """What was predicted for each test image; None where that, or its image, is not known."""
    if outcome is None or cfg.DATALOADER.TEST.SAMPLER != IN_ORDER:
        return None
    if [item.label for item in dataset.test] != outcome.truths.tolist():
        return None
    return make_predictions(test_names(dataset, cfg.DATASET.ROOT), *outcome)


def test_names(dataset: Any, root: str) -> list[str]:
    """The test images as the split has them; those of a foreign dataset below DATASET.ROOT."""
    known = getattr(dataset, "test_names", None)
    return known or [os.path.relpath(item.impath, root or ".") for item in dataset.test]


def hashes_of(trainer: Any, dataset: Any, predictions: bytes | None) -> dict[str, Any]:
    """SHA-256 of all that the numbers come from; None of what there is not."""
    provenance = getattr(dataset, "provenance", None) or {}
    return {
        "backbone": weights_of(trainer),
        "split": split_of(dataset),
        "sample": hashes.of_sample(provenance),
        "config": hashes.of_data(acting(plain(trainer.cfg), trainer.section)),
        "learnt": learnt_hashes(trainer),
        "predictions": predictions and hashes.of_bytes(predictions),
    }


def classes_of(dataset: Any, cfg: Any) -> str:
    """Those that are tested; a test set of ours has no halves, whatever the configuration says."""
    of = getattr(dataset, "classes_of", None)
    return str(of(cfg) if of else cfg.DATASET.SUBSAMPLE_CLASSES)


def split_of(dataset: Any) -> str | None:
    """SHA-256 of a dataset's split; None where a foreign one does not say."""
    return (getattr(dataset, "provenance", None) or {}).get("split_sha256")


def weights_of(trainer: Any) -> str:
    """SHA-256 of the CLIP that a trainer has built its method on."""
    return weights_sha256(trainer.cfg.MODEL.BACKBONE.NAME, trainer.model.clip)


def check_weights(trainer: Any, folder: str | Path) -> None:
    """Raises ValueError if a folder's run was trained with other weights of the same name.

    Prompts may be tried on a CLIP of another name; a file that was replaced is a mistake.
    """
    stored = RunFolder(folder).stored() or {}
    name, weights = trainer.cfg.MODEL.BACKBONE.NAME, weights_of(trainer)
    before = stored.get("backbone", weights)
    if before != weights and flat(stored["config"]).get("MODEL.BACKBONE.NAME") == name:
        raise ValueError(
            f"{folder} was trained with other weights than {name} has now: their SHA-256 was "
            f"{before}, and is {weights} now. Put back the file that it was trained with, or train "
            "anew in another folder or with --overwrite"
        )


def learnt_hashes(trainer: Any) -> dict[str, str]:
    """Of every tensor that was learnt, by model and name."""
    return {
        f"{name}/{key}": digest
        for name in trainer.get_model_names()
        for key, digest in hashes.of_tensors(trainer._models[name].state_dict().items()).items()
    }
