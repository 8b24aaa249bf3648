"""Drawing a few images per class."""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any


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
