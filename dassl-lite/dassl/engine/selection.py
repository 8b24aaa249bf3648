"""Choosing the best model fairly: on validation images, never on test images."""

from typing import Any

from dassl.utils import check_availability


def selects_best(cfg: Any) -> bool:
    """Return whether each epoch is validated and the best model kept."""
    return cfg.TEST.FINAL_MODEL == "best_val" and not cfg.TEST.NO_TEST


def check_selection(cfg: Any, dataset: Any) -> None:
    """Refuse a selection that would look at the test images.

    Raises:
        UnknownNameError: TEST.FINAL_MODEL is neither last_step nor best_val.
        ValueError: best_val is asked, but the dataset's validation images are none, or are
            among its test images and DATASET.VALIDATE_ON_TEST, if the program has such a key,
            does not ask for that.
    """
    check_availability(cfg.TEST.FINAL_MODEL, ("last_step", "best_val"), kind="TEST.FINAL_MODEL")
    if not selects_best(cfg):
        return
    tested = {item.impath for item in dataset.test}
    if not dataset.val:
        problem = "has no validation images"
    elif cfg.DATASET.get("VALIDATE_ON_TEST", False):
        return
    elif any(item.impath in tested for item in dataset.val):
        problem = "has validation images that are also test images"
    else:
        return
    raise ValueError(
        f"TEST.FINAL_MODEL best_val would select the model on test images: {cfg.DATASET.NAME} "
        f"{problem}. Use TEST.FINAL_MODEL last_step"
    )
