"""ImageNet: 1,000 classes. Deng et al., CVPR 2009."""

from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .split import Item, Split


@DATASET_REGISTRY.register()
class ImageNet(FewShotDataset):
    """The validation folder is the test set, so there is no validation set to select on."""

    dataset_dir = "imagenet"
    image_dir = "images"
    split_file = "classnames.txt"
    how_to_get = (
        "Download ILSVRC2012 from image-net.org (an account is needed), so that "
        "imagenet/images/train and imagenet/images/val hold one folder a class (n01440764, ...), "
        "and put CoOp's classnames.txt in imagenet."
    )

    def load_split(self) -> Split:
        for part in ("train", "val"):
            self.require(self.images / part)
        names = self.class_names()
        return {"train": self.items("train", names), "val": [], "test": self.items("val", names)}

    def class_names(self) -> dict[str, str]:
        """Class folder to class name; each line of classnames.txt is `n01440764 tench`."""
        path = self.folder / self.split_file
        self.require(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = (line.strip().split(" ", 1) for line in lines if line.strip())
        return {wnid: name for wnid, name in pairs}

    def items(self, part: str, names: dict[str, str]) -> list[Item]:
        """Every image of `train` or `val`, labels in sorted order of the class folders."""
        folders = sorted(folder for folder in (self.images / part).iterdir() if folder.is_dir())
        return [
            (f"{part}/{folder.name}/{image}", label, self.name_of(folder, names))
            for label, folder in enumerate(folders)
            for image in sorted(_visible_names(folder))
        ]

    def name_of(self, folder: Path, names: dict[str, str]) -> str:
        """Raises ValueError for a class folder that classnames.txt does not know."""
        if folder.name not in names:
            raise ValueError(f"{folder} is not a class of {self.folder / self.split_file}")
        return names[folder.name]


def _visible_names(folder: Path) -> list[str]:
    return [image.name for image in folder.iterdir() if image.name[0] != "."]
