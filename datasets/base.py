"""What all datasets of the benchmark share: where they lie, their split, few shots, base / new."""

import random
from pathlib import Path
from typing import Any

from dassl.data.datasets import DatasetBase, Datum

from rpo.files import cache_folder, write_json

from .split import (
    PARTS,
    Item,
    Split,
    digest,
    read_split,
    sample_shots,
    select_classes,
    split_each_class,
)


class FewShotDataset(DatasetBase):
    """A dataset in the benchmark's layout. A subclass says only what differs.

    Class attributes:
        dataset_dir: its folder below DATASET.ROOT.
        image_dir: the image folder below that.
        split_file: the published split, beside the images.
        how_to_get: a sentence for whoever does not have it yet.

    Raises FileNotFoundError, with one message, if something is missing on disk.
    """

    dataset_dir: str
    image_dir: str
    split_file: str
    how_to_get: str

    def __init__(self, cfg: Any) -> None:
        self.root = Path(cfg.DATASET.ROOT).expanduser().absolute()
        self.folder = self.root / self.dataset_dir
        self.images = self.folder / self.image_dir
        self.prepare()
        self.require(self.images)
        split = self.load_split()
        # What a run is made of, for results.json: the split's digest and the sampled files.
        self.provenance: dict[str, Any] = {"split_sha256": digest(split)}
        if cfg.DATASET.NUM_SHOTS >= 1:
            split = self.few_shots(split, cfg.DATASET.NUM_SHOTS, cfg.SEED)
            self.provenance |= {part: [item[0] for item in split[part]] for part in PARTS[:2]}
        if cfg.DATASET.SUBSAMPLE_CLASSES != "all":
            print(f"SUBSAMPLE {cfg.DATASET.SUBSAMPLE_CLASSES.upper()} CLASSES!")
        split = select_classes(split, cfg.DATASET.SUBSAMPLE_CLASSES)
        super().__init__(
            train_x=self.datums(split["train"]),
            val=self.datums(split["val"]) or None,
            test=self.datums(split["test"]),
        )

    def prepare(self) -> None:
        """For a dataset that can make itself; the others have to be on disk."""

    def require(self, path: Path) -> None:
        """Raises FileNotFoundError, saying what was looked for and how to get it."""
        if not path.exists():
            raise FileNotFoundError(
                f"{type(self).__name__} needs {path}, which is not there (DATASET.ROOT is "
                f"{self.root}; set it with --root or DATA). {self.how_to_get}"
            )

    def load_split(self) -> Split:
        """The published split; for a dataset of class folders without one, a reproducible split."""
        path = self.folder / self.split_file
        self.require(path)
        print(f"Reading split from {path}")
        return read_split(path)

    def few_shots(self, split: Split, shots: int, seed: int) -> Split:
        """The sample of a seed, drawn once and then kept as JSON. An unseeded one is not kept."""
        if seed < 0:
            return sample_shots(split, shots, random)
        name = f"shot_{shots}-seed_{seed}-{digest(split)[:12]}.json"
        for folder in (self.folder, cache_folder() / self.dataset_dir):
            path = folder / "split_fewshot" / name
            if path.is_file():
                print(f"Loading preprocessed few-shot data from {path}")
                return read_split(path) | {"test": split["test"]}
        print(f"Creating a {shots}-shot dataset")
        sampled = sample_shots(split, shots, random.Random(seed))
        self._keep(name, sampled | {"test": []})
        return sampled

    def _keep(self, name: str, sampled: Split) -> None:
        """Beside the data, or in the cache folder where the data cannot be written to."""
        try:
            path = self.folder / "split_fewshot" / name
            write_json(path, sampled)
        except OSError:
            path = cache_folder() / self.dataset_dir / "split_fewshot" / name
            write_json(path, sampled)
        print(f"Saving preprocessed few-shot data to {path}")

    def datums(self, items: list[Item]) -> list[Datum]:
        """Dassl's items, with absolute paths."""
        return [
            Datum(impath=str(self.images / image), label=label, classname=name)
            for image, label, name in items
        ]


class ClassFolders(FewShotDataset):
    """A dataset whose images lie in one folder a class.

    Where the published split is missing one is made by CoOp's rule from sorted listings, always
    the same one. Results on it are not comparable with published ones.
    """

    ignored: tuple[str, ...] = ()
    class_names: dict[str, str] = {}

    def load_split(self) -> Split:
        if (self.folder / self.split_file).exists():
            return super().load_split()
        print(
            f"{self.folder / self.split_file} is not there: splitting the class folders 50/20/30 "
            "instead. Results will NOT be comparable with published ones. " + self.how_to_get
        )
        return split_each_class(self.items(), random.Random(0))

    def items(self) -> list[Item]:
        """Every image, labels in sorted order of the folders."""
        folders = sorted(
            folder
            for folder in self.images.iterdir()
            if folder.is_dir() and folder.name not in self.ignored and folder.name[0] != "."
        )
        return [
            (f"{folder.name}/{image.name}", label, self.class_names.get(folder.name, folder.name))
            for label, folder in enumerate(folders)
            for image in sorted(folder.iterdir())
            if image.name[0] != "."
        ]
