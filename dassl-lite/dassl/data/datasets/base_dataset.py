"""What a dataset is: lists of images with their labels."""

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dassl.utils import check_availability


class Datum:
    """One image: where it is, and of which class.

    The fields are plain instance attributes because few-shot caches store them pickled.

    Args:
        impath: path of the image.
        label: class as a number, from 0.
        domain: domain as a number, from 0.
        classname: class in words.

    Raises:
        FileNotFoundError: there is no file at `impath`.
    """

    def __init__(
        self, impath: str = "", label: int = 0, domain: int = 0, classname: str = ""
    ) -> None:
        if not os.path.isfile(impath):
            raise FileNotFoundError(f'No file found at "{impath}"')
        self._impath = os.fspath(impath)
        self._label = label
        self._domain = domain
        self._classname = classname

    @property
    def impath(self) -> str:
        """Path of the image."""
        return self._impath

    @property
    def label(self) -> int:
        """Class as a number, from 0."""
        return self._label

    @property
    def domain(self) -> int:
        """Domain as a number, from 0."""
        return self._domain

    @property
    def classname(self) -> str:
        """Class in words."""
        return self._classname


class FewShotSampling:
    """Adds the drawing of few-shot subsets to a dataset; images are `Datum`s."""

    def generate_fewshot_dataset(
        self, *data_sources: list[Any], num_shots: int = -1, repeat: bool = False
    ) -> Any:
        """Draw `num_shots` images per class from each source, with Python's global `random`.

        Args:
            num_shots: below 1 leaves the sources as they are.
            repeat: fill up classes with fewer images by drawing with replacement.

        Returns:
            A list of images, or a list of such lists for several sources.
        """
        if num_shots < 1:
            return data_sources[0] if len(data_sources) == 1 else data_sources
        print(f"Creating a {num_shots}-shot dataset")
        output = [self._draw(source, num_shots, repeat) for source in data_sources]
        return output[0] if len(output) == 1 else output

    def _draw(self, data_source: list[Any], num_shots: int, repeat: bool) -> list[Any]:
        drawn: list[Any] = []
        for items in self.split_dataset_by_label(data_source).values():
            if len(items) >= num_shots:
                items = random.sample(items, num_shots)
            elif repeat:
                items = random.choices(items, k=num_shots)
            drawn.extend(items)
        return drawn

    @staticmethod
    def split_dataset_by_label(data_source: Sequence[Any]) -> dict[int, list[Any]]:
        """Return label -> images; labels in order of first appearance, images in file order."""
        return _group_by(data_source, "label")

    @staticmethod
    def split_dataset_by_domain(data_source: Sequence[Any]) -> dict[int, list[Any]]:
        """Return domain -> images, ordered like `split_dataset_by_label`."""
        return _group_by(data_source, "domain")


def _group_by(data_source: Sequence[Any], attribute: str) -> dict[int, list[Any]]:
    groups: defaultdict[int, list[Any]] = defaultdict(list)
    for item in data_source:
        groups[getattr(item, attribute)].append(item)
    return groups


class DatasetBase(FewShotSampling):
    """The splits of a dataset. The training split decides what the classes are.

    Args:
        train_x: labelled images for training.
        train_u: images to be used without their labels.
        val: images for validation.
        test: images for the test.

    Raises:
        ValueError: the labels of `train_x` are not 0, 1, ... without a gap.
    """

    dataset_dir = ""  # folder below DATASET.ROOT
    domains: Sequence[str] = ()

    def __init__(
        self,
        train_x: list[Datum] | None = None,
        train_u: list[Datum] | None = None,
        val: list[Datum] | None = None,
        test: list[Datum] | None = None,
    ) -> None:
        self._train_x = train_x
        self._train_u = train_u
        self._val = val
        self._test = test
        self._num_classes = self.get_num_classes(train_x or [])
        self._lab2cname, self._classnames = self.get_lab2cname(train_x or [])
        gaps = sorted(set(range(self._num_classes)) - set(self._lab2cname))
        if gaps:
            raise ValueError(
                f"{type(self).__name__}: labels must count from 0 without a gap, but of "
                f"{self._num_classes} these have no training image: {gaps}"
            )

    @property
    def train_x(self) -> list[Datum] | None:
        """Labelled images for training."""
        return self._train_x

    @property
    def train_u(self) -> list[Datum] | None:
        """Unlabelled images for training."""
        return self._train_u

    @property
    def val(self) -> list[Datum] | None:
        """Images for validation."""
        return self._val

    @property
    def test(self) -> list[Datum] | None:
        """Images for the test."""
        return self._test

    @property
    def lab2cname(self) -> dict[int, str]:
        """Label -> class name."""
        return self._lab2cname

    @property
    def classnames(self) -> list[str]:
        """Class names in the order of their labels."""
        return self._classnames

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self._num_classes

    @staticmethod
    def get_num_classes(data_source: Sequence[Datum]) -> int:
        """Return the largest label plus one."""
        return max((item.label for item in data_source), default=-1) + 1

    @staticmethod
    def get_lab2cname(data_source: Sequence[Datum]) -> tuple[dict[int, str], list[str]]:
        """Return label -> class name, and the class names in the order of their labels."""
        names = {item.label: item.classname for item in data_source}
        mapping = dict(sorted(names.items()))
        return mapping, list(mapping.values())

    def check_input_domains(
        self, source_domains: Sequence[str], target_domains: Sequence[str]
    ) -> None:
        """Raise `UnknownNameError` for a domain that is not in `self.domains`."""
        for domain in (*source_domains, *target_domains):
            check_availability(domain, self.domains, kind="domain")
