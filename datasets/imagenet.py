"""ImageNet: 1,000 classes. Deng et al., CVPR 2009."""

from typing import Any

from dassl.data.datasets import DATASET_REGISTRY

from rpo.registration import register

from .facts import Facts
from .flat_validation import flat_classes, is_flat
from .rules import class_folders
from .split import Item, Split
from .wordnet import CLASS_NAMES, WordnetFolders


@register(DATASET_REGISTRY)
class ImageNet(WordnetFolders):
    """The validation folder is the test set, so there is no validation set to select on.

    Who wants to select on it nevertheless says DATASET.VALIDATE_ON_TEST True.
    """

    dataset_dir = "imagenet"
    image_dir = "images"
    other_layouts = (
        ("imagenet", ""),
        ("imagenet", "ILSVRC/Data/CLS-LOC"),
        ("imagenet", "Data/CLS-LOC"),
        ("ILSVRC", "Data/CLS-LOC"),
    )
    how_to_get = (
        "Download ILSVRC2012 from image-net.org (an account is needed), so that "
        "imagenet/images/train and imagenet/images/val hold one folder a class (n01440764, ...), "
        "and put CoOp's classnames.txt in imagenet."
    )
    facts = Facts(
        sizes=(1281167, 0, 50000),
        classes=1000,
        gigabytes=144.0,
        terms="non-commercial research, by account at image-net.org",
        split=CLASS_NAMES,
    )

    def load_split(self) -> Split:
        """Raises ValueError if the two folders differ in classes: labels would not agree."""
        for part in ("train", "val"):
            self.require(self.images / part)
        if not is_flat(self.images / "val"):
            self._compare_classes()
        train = self.folder_items("train")
        return {"train": train, "val": [], "test": self.test_items(train)}

    def test_items(self, train: list[Item]) -> list[Item]:
        """The items of `val`: of its class folders, or of the flat folder and its label file."""
        if not is_flat(self.images / "val"):
            return self.folder_items("val")
        labels = {image.split("/")[1]: (label, name) for image, label, name in train}
        images = sorted((wnid, image) for image, wnid in flat_classes(self.images / "val").items())
        unknown = sorted({wnid for wnid, _ in images} - set(labels))
        if unknown:
            raise ValueError(f"{self.images / 'train'} has no class {unknown[0]}, but val has")
        return [(f"val/{image}", *labels[wnid]) for wnid, image in images]

    def _compare_classes(self) -> None:
        train, val = (set(class_folders(self.images / part)) for part in ("train", "val"))
        if train != val:
            raise ValueError(
                f"{self.images / 'train'} has {len(train):,} classes and {self.images / 'val'} "
                f"has {len(val):,}; only one of them has {', '.join(sorted(train ^ val)[:5])}. "
                "`rpo data check imagenet` says more"
            )

    def select(self, split: Split, cfg: Any) -> Split:
        split = super().select(split, cfg)
        if cfg.DATASET.VALIDATE_ON_TEST:
            print("WARNING: DATASET.VALIDATE_ON_TEST: the test images serve as validation images")
            return split | {"val": split["test"]}
        return split
