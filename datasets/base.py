"""What all datasets of the benchmark share: where they lie, their split, few shots, base / new."""

import random
from pathlib import Path
from typing import Any

from dassl.data.datasets import DatasetBase, Datum

from rpo.files import cache_folder, write_json

from .facts import Facts
from .layout import describe, find_layout
from .split import PARTS, Item, Split, digest, read_split, sample_shots, select_classes


class FewShotDataset(DatasetBase):
    """A dataset in the benchmark's layout. A subclass says only what differs.

    Class attributes:
        dataset_dir: its folder below DATASET.ROOT.
        image_dir: the image folder below that.
        other_layouts: further pairs of both, as torchvision or Kaggle have them.
        split_file: the published split, beside the images.
        template: the hand-written text of a class that CoOp gives for zero-shot CLIP.
        how_to_get: a sentence for whoever does not have it yet.
        facts: known figures, terms and addresses; None for a dataset that is not published.

    Raises FileNotFoundError, with one message, if something is missing on disk.
    """

    dataset_dir: str
    image_dir: str
    split_file: str
    template: str = "a photo of a {}."
    how_to_get: str
    facts: Facts | None = None
    other_layouts: tuple[tuple[str, str], ...] = ()

    def __init__(self, cfg: Any) -> None:
        self.locate(Path(cfg.DATASET.ROOT))
        self.prepare()
        self.require(self.images)
        if note := describe(self.root, self, self.images):
            print(f"{type(self).__name__} {note}")
        split = self.load_split()
        # What a run is made of, for results.json: the split's digest and the sampled files.
        self.provenance: dict[str, Any] = {"split_sha256": digest(split)}
        split = self.select(split, cfg)
        refuse_selection(cfg, split)
        super().__init__(
            train_x=self.datums(split["train"]),
            val=self.datums(split["val"]) or None,
            test=self.datums(split["test"]),
        )

    @classmethod
    def at(cls, root: Path) -> "FewShotDataset":
        """The dataset below `root` with nothing read yet, for tools that look at its files."""
        dataset = cls.__new__(cls)
        dataset.locate(root)
        return dataset

    @classmethod
    def check_files(cls, cfg: Any) -> None:
        """Raises FileNotFoundError if the images are not there; reads nothing else."""
        dataset = cls.at(Path(cfg.DATASET.ROOT))
        dataset.require(dataset.images)

    @classmethod
    def config_name(cls) -> str:
        """The name of its file in configs/datasets, which is that of its module."""
        return cls.__module__.rpartition(".")[2]

    def locate(self, root: Path) -> None:
        """Finds the dataset's folders below the root."""
        self.root = root.expanduser().absolute()
        self.folder, self.images = find_layout(self.root, self)

    def prepare(self) -> None:
        """For a dataset that can make itself; the others have to be on disk."""

    def require(self, path: Path) -> None:
        """Raises FileNotFoundError, saying what was looked for and how to get it."""
        if not path.exists():
            raise FileNotFoundError(
                f"{type(self).__name__} needs {path}, which is not there (DATASET.ROOT is "
                f"{self.root}; set it with --root or DATA). {self.how_to_get} "
                f"`rpo data prepare {self.config_name()}` helps."
            )

    def split_path(self) -> Path:
        """The split file, beside the images or wherever below the root it is."""
        folders = (self.folder, self.root / self.dataset_dir, self.root)
        paths = [folder / self.split_file for folder in folders]
        return next((path for path in paths if path.is_file()), paths[0])

    def load_split(self) -> Split:
        """The published split; where it is missing, one that `make_split` makes."""
        path = self.split_path()
        if path.is_file():
            print(f"Reading split from {path}")
            return read_split(path)
        split = self.make_split()
        print(
            f"{path} is not there: split by the published rule instead. Results will NOT be "
            f"comparable with published ones. {self.how_to_get}"
        )
        return split

    def make_split(self) -> Split:
        """A reproducible split by the rule of the published one, for datasets that have a rule."""
        self.require(self.split_path())
        return {}

    def select(self, split: Split, cfg: Any) -> Split:
        """Few shots first, then base or new classes, as `cfg` asks."""
        if cfg.DATASET.NUM_SHOTS >= 1:
            split = self.few_shots(split, cfg.DATASET.NUM_SHOTS, cfg.SEED)
            self.provenance |= {part: [item[0] for item in split[part]] for part in PARTS[:2]}
        if cfg.DATASET.SUBSAMPLE_CLASSES != "all":
            print(f"SUBSAMPLE {cfg.DATASET.SUBSAMPLE_CLASSES.upper()} CLASSES!")
        return select_classes(split, cfg.DATASET.SUBSAMPLE_CLASSES)

    def few_shots(self, split: Split, shots: int, seed: int) -> Split:
        """The sample of a seed, drawn once and then kept as JSON. An unseeded one is not kept."""
        if seed < 0:
            return sample_shots(split, shots, random)
        name = f"split_fewshot/shot_{shots}-seed_{seed}-{digest(split)[:12]}.json"
        for folder in self.sample_folders():
            if (folder / name).is_file():
                print(f"Loading preprocessed few-shot data from {folder / name}")
                return read_split(folder / name) | {"test": split["test"]}
        print(f"Creating a {shots}-shot dataset")
        sampled = sample_shots(split, shots, random.Random(seed))
        self._keep(name, sampled | {"test": []})
        return sampled

    def sample_folders(self) -> tuple[Path, ...]:
        """Where samples are kept: beside the data or, where that is read-only, in the cache."""
        return self.folder, cache_folder() / self.dataset_dir

    def _keep(self, name: str, sampled: Split) -> None:
        *folders, last = self.sample_folders()
        for folder in (*folders, last):
            try:
                write_json(folder / name, sampled)
            except OSError:
                if folder == last:
                    raise
            else:
                print(f"Saving preprocessed few-shot data to {folder / name}")
                return

    def path_of(self, image: str) -> Path:
        """The file of a split's entry."""
        return self.images / image

    def datums(self, items: list[Item]) -> list[Datum]:
        """Dassl's items, with absolute paths."""
        return [
            Datum(impath=str(self.path_of(image)), label=label, classname=name)
            for image, label, name in items
        ]


def refuse_selection(cfg: Any, split: Split) -> None:
    """Raises ValueError for best_val without validation images.

    The original Dassl would quietly select on the test images.
    """
    if cfg.TEST.FINAL_MODEL == "best_val" and not split["val"]:
        raise ValueError(
            f"TEST.FINAL_MODEL best_val needs validation images, and {cfg.DATASET.NAME} has none: "
            "it would select the model on test images. Use TEST.FINAL_MODEL last_step"
        )
