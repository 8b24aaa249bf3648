"""Test sets for a model that was trained on ImageNet."""

from typing import Any

from .split import Split
from .wordnet import WordnetFolders


class ImageNetVariant(WordnetFolders):
    """All images are the test set, and stand for the training set too, which names the classes.

    So a variant is scored over its own classes, however many the model was trained on. Few shots
    and halves do not apply: DATASET.NUM_SHOTS and SUBSAMPLE_CLASSES are ignored, as in CoOp.
    """

    def load_split(self) -> Split:
        items = self.folder_items("")
        return {"train": items, "val": [], "test": items}

    def select(self, split: Split, cfg: Any) -> Split:
        if cfg.DATASET.NUM_SHOTS >= 1 or cfg.DATASET.SUBSAMPLE_CLASSES != "all":
            print(
                f"{type(self).__name__} is a test set: DATASET.NUM_SHOTS and SUBSAMPLE_CLASSES "
                "are ignored, all its classes are scored"
            )
        return split
