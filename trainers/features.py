"""Training on image features, in Dassl's loop.

The loaders give vectors where those of other methods give images, and a method takes either, so
that all else stays as it is. docs/runs.md says what is kept of the images, and where.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rpo.clip.load import Clip
from rpo.methods.zero_shot import IMAGENET_TEMPLATES

from .base import PromptTrainer
from .class_texts import choose_template
from .encoding import PLAIN, Features

# Unit-length features of one text, as half precision may round them, are less far apart.
OTHER_TEXT = 0.02


class FeatureLoader:
    """Batches as Dassl's loaders give them, with vectors (batch, width) as `img`.

    Attributes:
        view: what the next pass reads.
    """

    view: int | None = PLAIN

    def __init__(
        self, features: Features, items: Sequence[Any], batch_size: int, shuffle: bool = False,
        drop_last: bool = False,
    ) -> None:  # fmt: skip
        self.features, self.items, self.batch_size = features, items, batch_size
        self.shuffle, self.drop_last = shuffle, drop_last
        self.labels = torch.tensor([item.label for item in items])
        self.held: tuple[int | None, Tensor] | None = None

    def __len__(self) -> int:
        whole, rest = divmod(len(self.items), self.batch_size)
        return whole if whole and self.drop_last else whole + bool(rest)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        vectors, labels = self.vectors(), self.labels
        rows = torch.randperm(len(labels)) if self.shuffle else torch.arange(len(labels))
        for index in rows.split(self.batch_size)[: len(self)]:
            yield {
                "img": vectors[index],
                "label": labels[index],
                "domain": torch.zeros_like(index),
                "impath": [self.items[i].impath for i in index.tolist()],
                "index": index,
            }

    def vectors(self) -> Tensor:
        """Of all items in the present view; those of the last pass are still there."""
        if self.held is None or self.held[0] != self.view:
            self.held = self.view, self.features.read(self.items, self.view)
        return self.held[1]


class FeatureTrainer(PromptTrainer):
    """A method on features, with loaders of vectors.

    Class attributes:
        full_batch: whether every step sees all images, whatever the batch size.
        drop_last: whether an incomplete last batch is left out, as in Dassl.
        imagenet_templates: what the texts of ImageNet's classes are the mean of, unless the user
            gives a text; none: the single template that CoOp gives it.
    """

    takes_seconds = True
    noted = 0.0
    full_batch = False
    drop_last = True
    imagenet_templates: Sequence[str] = IMAGENET_TEMPLATES
    train_loader_x: Any
    val_loader: Any
    test_loader: Any

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        if cls.full_batch and key == "DATALOADER.TRAIN_X.BATCH_SIZE":
            return "each step sees all images"
        return super().unread(cfg, key)

    @classmethod
    def templates(cls, cfg: Any, dataset: Any) -> list[str]:
        template, source = choose_template(cfg, dataset, cls.published_template(cfg))
        is_own = source == f"of {cfg.DATASET.NAME}"
        if is_own and cfg.DATASET.NAME.startswith("ImageNet") and cls.imagenet_templates:
            return list(cls.imagenet_templates)
        return [template]

    def say_texts(self, dataset: Any) -> None:
        count = len(self.templates(self.cfg, dataset))
        if count == 1:
            super().say_texts(dataset)
        else:
            print(
                f"Class texts: the mean of {count} templates, as {self.cfg.TRAINER.NAME} has them"
            )

    def backbone(self) -> Clip:
        """On the device, where the methods read their class texts at once."""
        return super().backbone().to(self.device)

    def build_method(self) -> None:
        super().build_method()
        dataset, loaders = self.dm.dataset, self.cfg.DATALOADER
        self.features = Features(self)
        size = len(dataset.train_x) if self.full_batch else loaders.TRAIN_X.BATCH_SIZE
        self.train_loader_x = self.training_loader(dataset.train_x, size)
        self.train_loader_x.view = self.view_of(0)
        self.test_loader = FeatureLoader(self.features, dataset.test, loaders.TEST.BATCH_SIZE)
        if dataset.val:
            self.val_loader = FeatureLoader(self.features, dataset.val, loaders.TEST.BATCH_SIZE)
        self.labels = torch.tensor([item.label for item in dataset.train_x], device=self.device)
        self.model.make_room(self.labels)

    def build_model(self) -> None:
        """Where the method's section has it, EPS takes the place of the optimiser's."""
        super().build_model()
        for group in self.optim.param_groups:
            if "eps" in group and "EPS" in self.further_keys:
                group["eps"] = self.options.EPS

    def training_loader(self, items: Sequence[Any], batch_size: int) -> FeatureLoader:
        """Shuffled batches of one view."""
        return FeatureLoader(self.features, items, batch_size, not self.full_batch, self.drop_last)

    def view_of(self, epoch: int) -> int:
        """The random view that an epoch, from 0, is trained on: those of `begin` are not used."""
        views = self.model.views_in_turn
        return self.model.views_to_begin + (epoch % views if views else epoch)

    def before_train(self) -> None:
        """What the method starts from comes first: a checkpoint that is resumed goes over it."""
        items, count = self.dm.dataset.train_x, self.model.views_to_begin
        if count:
            views = torch.stack([self.features.read(items, view) for view in range(count)])
            self.model.begin(views.to(self.device), self.labels)
        super().before_train()

    def before_epoch(self) -> None:
        super().before_epoch()
        self.train_loader_x.view = self.view_of(self.epoch)

    def note_progress(self) -> None:
        """Not more than once a second, unless a checkpoint may follow: an epoch takes less."""
        frequency, epochs = self.cfg.TRAIN.CHECKPOINT_FREQ, self.epoch + 1
        saves = epochs == self.max_epoch or (frequency > 0 and epochs % frequency == 0)
        selects = self.cfg.TEST.FINAL_MODEL == "best_val"
        if saves or selects or time.time() - self.noted >= 1:
            super().note_progress()
            self.noted = time.time()

    def load_model(self, directory: str, epoch: int | None = None) -> None:
        """Loads what was learnt.

        Raises:
            ValueError: it was learnt for other classes, or other texts of them.
        """
        own = self.model.class_features()
        super().load_model(directory, epoch)
        learnt = getattr(self.model.learner(), "base_text_features", own)
        if (normalize(learnt, dim=-1) - normalize(own, dim=-1)).norm(dim=-1).max() > OTHER_TEXT:
            raise ValueError(
                f"{directory} was trained on other classes, or other texts of them, than "
                f"{', '.join(self.lab2cname.values())}: {self.cfg.TRAINER.NAME} has learnt "
                "something for each of its own. RPO or LP can name others"
            )
