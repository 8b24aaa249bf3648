"""What all datasets of the benchmark share: where they lie, their split, few shots, base / new."""

import contextlib
import io
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dassl.data.datasets import DatasetBase, Datum

from rpo.files import cache_folder

from .few_shot import few_shots, fewer_images, sample_shots
from .split import PARTS, Item, Split, class_names, digest, read_split, select_classes
from .tools.facts import Facts

OF_YOUR_OWN = ("DATASET.FOLDER", "DATASET.CSV", "DATASET.CLASS_NAMES", "DATASET.HOLD_OUT")


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
        is_long: whether its split, which is made of its folders, takes long to make.
        test_only: whether it is a test set for models that were trained on another dataset, whose
            few shots and halves do not apply to it.

    Raises FileNotFoundError, with one message, if something is missing on disk.
    """

    dataset_dir: str
    image_dir: str
    split_file: str
    template: str = "a photo of a {}."
    how_to_get: str
    facts: Facts | None = None
    is_long: bool = False
    test_only: bool = False
    other_layouts: tuple[tuple[str, str], ...] = ()

    def __init__(self, cfg: Any) -> None:
        self.locate(Path(cfg.DATASET.ROOT))
        self.prepare()
        self.require(self.images)
        if note := self.layout_note():
            print(f"{type(self).__name__} {note}")
        split = self.load_split()
        if missing := [part for part in PARTS if part not in split]:
            raise ValueError(
                f"the split of {type(self).__name__} has no {missing[0]}: a part may be empty, "
                "but is there"
            )
        self.refuse_classes(split)
        # What a run is made of, for results.json: the split's digest and the sampled files.
        self.provenance: dict[str, Any] = {"split_sha256": digest(split)}
        if self.facts and (found := self.facts.differences(split, self.split_path())):
            print(f"WARNING: not comparable with published results: {found}")
            self.provenance["unlike_published"] = found
        split = self.select(split, cfg)
        self.remark_on_selection(split, cfg)
        # What the images of `test` are called in predictions.npz.
        self.test_names = [image for image, _, _ in split["test"]]
        super().__init__(
            train_x=[self.datum(item) for item in split["train"]],
            val=[self.datum(item) for item in split["val"]] or None,
            test=[self.datum(item) for item in split["test"]],
        )

    @classmethod
    def refuse_incomplete(cls) -> None:
        """Raises ValueError for a class that does not say what its kind says."""
        needed = ("dataset_dir", "image_dir", "split_file", "how_to_get")
        if missing := [name for name in needed if not hasattr(cls, name)]:
            raise ValueError(
                f"the dataset {cls.__name__} does not say {', '.join(missing)}, as subclasses of "
                "FewShotDataset do"
            )

    @classmethod
    def arrange(cls, unpacked: Path, unpack: Callable[[Path, Path], None]) -> None:
        """Brings archives that were unpacked into a folder into the dataset's layout.

        Args:
            unpack: an archive, into a folder.
        """

    @classmethod
    def at(cls, root: Path) -> "FewShotDataset":
        """The dataset below `root` with nothing read yet, for tools that look at its files."""
        dataset = cls.__new__(cls)
        dataset.locate(root)
        return dataset

    @classmethod
    def configured(cls, cfg: Any) -> "FewShotDataset":
        """The dataset of a configuration with nothing read yet."""
        return cls.at(Path(cfg.DATASET.ROOT))

    @classmethod
    def check_files(cls, cfg: Any) -> None:
        """Raises FileNotFoundError if the images are not there; reads nothing else."""
        dataset = cls.configured(cfg)
        dataset.require(dataset.images)

    @classmethod
    def split_now(cls, cfg: Any) -> str | None:
        """SHA-256 of the split as it is now; None where there is none, or it takes long to make.

        What is remarkable about it is said when it is used.
        """
        if cls.is_long:
            return None
        with contextlib.suppress(OSError, ValueError), contextlib.redirect_stdout(io.StringIO()):
            return digest(cls.configured(cfg).load_split())
        return None

    @classmethod
    def unread(cls, key: str) -> str:
        """Why it does not read a key; empty if it may."""
        return "it is for images of your own" if key in OF_YOUR_OWN else ""

    @classmethod
    def config_name(cls) -> str:
        """The name of its file in configs/datasets, which is that of its module."""
        return cls.__module__.rpartition(".")[2]

    @classmethod
    def classes_of(cls, cfg: Any) -> str:
        """Those that are tested: "all", "base" or "new"."""
        return "all" if cls.test_only else cfg.DATASET.SUBSAMPLE_CLASSES

    def checked_by(self) -> str:
        """The command that names everything that is wrong with it."""
        return f"rpo data check {self.config_name()}"

    def locate(self, root: Path) -> None:
        """Finds the dataset's folder and image folder; CoOp's layout if no known one is there."""
        self.root = root.expanduser().absolute()
        self.folder = self.root / self.dataset_dir
        self.images = self.folder / self.image_dir
        for folder, images in self._layouts():
            if images.is_dir() and any(images.iterdir()):
                self.folder, self.images = folder, images
                return

    def _layouts(self) -> Iterator[tuple[Path, Path]]:
        """CoOp's, those of other tools, archives unpacked into a folder of their own name."""
        for below, image_dir in ((self.dataset_dir, self.image_dir), *self.other_layouts):
            images = self.root / below / image_dir
            yield self.root / below, images / images.name  # images/images, as Kaggle has it
            yield self.root / below, images
        if self.image_dir:
            for images in sorted(self.folder.glob(f"*/{self.image_dir}")):
                yield images.parent, images

    def layout_note(self) -> str:
        """A sentence for a layout that is not CoOp's; empty for the one that is."""
        expected = self.root / self.dataset_dir / self.image_dir
        if self.images == expected:
            return ""
        return f"found as {self.images}, where CoOp has {expected}"

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
        shots, seed = cfg.DATASET.NUM_SHOTS, cfg.SEED
        if shots >= 1:
            if seed < 0:  # such a sample is not kept
                split = sample_shots(split, shots, random)
            else:
                split = few_shots(split, shots, seed, self.sample_folders())
            self.provenance |= {part: [item[0] for item in split[part]] for part in PARTS[:2]}
        if cfg.DATASET.SUBSAMPLE_CLASSES != "all":
            print(f"SUBSAMPLE {cfg.DATASET.SUBSAMPLE_CLASSES.upper()} CLASSES!")
        split = select_classes(split, cfg.DATASET.SUBSAMPLE_CLASSES)
        if found := fewer_images(split["train"], shots):
            print(found)
            self.provenance["fewer_images"] = found
        return split

    def sample_folders(self) -> tuple[Path, ...]:
        """Where samples are kept: beside the data or, where that is read-only, in the cache."""
        beside = self.folder, self.root / self.dataset_dir
        return *dict.fromkeys(beside), cache_folder() / self.dataset_dir

    def path_of(self, image: str) -> Path:
        """The file of a split's entry."""
        return self.images / image

    def datum(self, item: Item) -> Datum:
        """Dassl's form of an item, with the absolute path.

        Raises:
            FileNotFoundError: there is no such file.
        """
        image, label, name = item
        path = self.path_of(image)
        try:
            return Datum(impath=str(path), label=label, classname=name)
        except (FileNotFoundError, AssertionError):  # an assertion in the original Dassl
            raise FileNotFoundError(
                f"{path} is in the split of {type(self).__name__} but not on disk"
                f"{about_encoding(image)}. `{self.checked_by()}` lists every image that is missing"
            ) from None

    def refuse_classes(self, split: Split) -> None:
        """Raises ValueError for a single class, and for one that is tested but never learnt."""
        learnt = class_names(split["train"])
        others = class_names(split["val"], split["test"])
        place = f"{type(self).__name__} in {self.images}"
        if never := [name for label, name in others.items() if label not in learnt]:
            raise ValueError(
                f"{place} has no training image of {', '.join(map(repr, never[:5]))}, but images "
                "for validation or test"
            )
        if len(learnt) == 1:
            (name,) = learnt.values()
            raise ValueError(
                f"{place} has the single class {name!r}: every accuracy would be 100 %. Two "
                "classes are the least"
            )

    def remark_on_selection(self, split: Split, cfg: Any) -> None:
        """Says if one class is left; raises ValueError for best_val without validation images.

        The original Dassl would quietly select on the test images.
        """
        if cfg.TEST.FINAL_MODEL == "best_val" and not split["val"]:
            raise ValueError(
                f"TEST.FINAL_MODEL best_val needs validation images, and {cfg.DATASET.NAME} has "
                "none: it would select the model on test images. Use TEST.FINAL_MODEL last_step"
            )
        if len(class_names(split["train"])) == 1:
            print(
                f"WARNING: DATASET.SUBSAMPLE_CLASSES {cfg.DATASET.SUBSAMPLE_CLASSES} leaves a "
                "single class: every accuracy is 100 %"
            )


def about_encoding(image: str) -> str:
    """For a name that this locale cannot write: what to do; else empty."""
    encoding = sys.getfilesystemencoding()
    if image.isascii() or encoding.replace("-", "").lower() == "utf8":
        return ""
    return f" under that name in {encoding}, the encoding of this locale (PYTHONUTF8=1 sets UTF-8)"
