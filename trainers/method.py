"""A method in Dassl: its configuration, CLIP, the texts of the classes. How it learns is not here.

A trainer names a method of `rpo.methods` and its section of the configuration; the method's own
settings become the keys of that section.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from yacs.config import CfgNode

from rpo.clip.load import Clip, image_size, load_clip
from rpo.clip.texts import class_inputs
from rpo.methods.settings import check, described

from . import contract
from .class_texts import choose_template, class_names
from .config import plain
from .origin import origin, origin_of
from .record import RecordedTrainer


class MethodTrainer(RecordedTrainer):
    """A method on a frozen CLIP, evaluated.

    Class attributes:
        method: what it trains or evaluates, a class derived from `rpo.methods.base.Method`.
        section: the method's own node below TRAINER in the configuration; empty: it has none.
        further_keys: keys of the section beside the method's settings, with their defaults.
        learner_name: the folder that what is learnt is saved in.
        has_precision: whether its section has the key PREC, what the towers compute in.
        without_validation: values of the section's keys for where no image can choose them.
        takes_seconds: whether a run does, so that little is lost if it is interrupted.
        dataset_templates: of the texts that its released program has for a dataset instead of the
            method's, "{}" for the class name.
        words_decide: whether CTX_INIT, where it is given, decides on N_CTX and CSC.
        underscores: in class names, unless DATASET.UNDERSCORES says otherwise: "spaces" or "keep".
    """

    method: Any = None
    section = ""
    further_keys: Mapping[str, Any] = {}
    learner_name = ""
    has_precision = False
    without_validation: Mapping[str, Any] = {}
    dataset_templates: Mapping[str, str] = {}
    words_decide = False
    underscores = "spaces"

    @classmethod
    def add_config(cls, cfg: Any) -> None:
        """Adds the method's keys, with their defaults, to a configuration.

        Raises:
            ValueError: the trainer is none, or has the section of another.
        """
        contract.check_class(cls)
        if cls.section:
            if cls.section in cfg.TRAINER:
                raise ValueError(
                    f"the trainer {cls.__module__}.{cls.__name__} has the section {cls.section}, "
                    "which is another trainer's: each has its own"
                )
            keys = {name.upper(): default for name, default, _ in described(cls.method.Settings)}
            cfg.TRAINER[cls.section] = CfgNode(keys | dict(cls.further_keys))

    @property
    def options(self) -> Any:
        """The method's own configuration."""
        return self.cfg.TRAINER[self.section]

    @classmethod
    def settings(cls, cfg: Any) -> Any:
        """The method's settings.

        Raises:
            ValueError: a value cannot work; its key is named.
        """
        kind = cls.method.Settings
        node = cfg.TRAINER[cls.section] if cls.section else {}
        values = {name: node[name.upper()] for name, _, _ in described(kind)}
        try:
            check(kind, values, lambda name: f"TRAINER.{cls.section}.{name.upper()}")
        except TypeError as error:
            raise ValueError(str(error)) from error
        try:
            return kind(**values)
        except ValueError as error:  # values that do not go together
            raise ValueError(f"TRAINER.{cls.section}: {error}") from error

    @classmethod
    def unread(cls, cfg: Any, key: str) -> str:
        """Why a run with this configuration does not read a key; empty if it does.

        For whoever typed the key: it is a mistake, or holds for other methods of the same command.
        """
        words = f"TRAINER.{cls.section}.CTX_INIT"
        decided = key.startswith(f"TRAINER.{cls.section}.") and key.endswith((".N_CTX", ".CSC"))
        if cls.words_decide and decided and cls.settings(cfg).ctx_init:
            return f"it starts from the words of {words}, and reads it with {words} ''"
        return ""

    def check_cfg(self, cfg: Any) -> None:
        """Raises ValueError for a value that cannot work, naming the key."""
        self.settings(cfg)
        if cfg.DATALOADER.K_TRANSFORMS != 1:
            raise ValueError(
                f"DATALOADER.K_TRANSFORMS is {cfg.DATALOADER.K_TRANSFORMS}; {cfg.TRAINER.NAME} "
                "trains on one augmented copy of an image: it must be 1"
            )

    def precision(self) -> str:
        """What CLIP computes in: OpenAI's mix with float16 on a GPU, float32 on a CPU."""
        return "fp16" if self.device.type == "cuda" else "fp32"

    def build_method(self) -> None:
        """Loads CLIP and builds the method for the dataset's classes, on the device."""
        clip = self.backbone()
        self.check_size(clip)
        classes = self.classes()
        self.model = self.method(clip, classes, self.settings(self.cfg)).to(self.device)
        self.model.requires_grad_(False)

    def backbone(self) -> Clip:
        """CLIP, as `load_clip` gives it."""
        return load_clip(self.cfg.MODEL.BACKBONE.NAME, self.precision())

    def check_size(self, clip: Any) -> None:
        """Raises ValueError for images of another size than this CLIP sees."""
        size = image_size(clip)
        if tuple(self.cfg.INPUT.SIZE) != size:
            raise ValueError(
                f"INPUT.SIZE is {self.cfg.INPUT.SIZE}, and the backbone "
                f"{self.cfg.MODEL.BACKBONE.NAME} sees images of {size}: add INPUT.SIZE '{size}'"
            )

    def classes(self) -> Sequence[Any]:
        """What the method reads of each class of the dataset; the log says what that is."""
        dataset = self.dm.dataset
        self.say_texts(dataset)
        return self.inputs(self.cfg, dataset, dataset.classnames)

    @classmethod
    def inputs(cls, cfg: Any, dataset: Any, names: Sequence[str]) -> list[Any]:
        """What the method reads of classes: a text each or, where it learns the words, a name.

        Args:
            dataset: the dataset or its class, for the template.
        """
        named = class_names(cfg, names, cls.underscores)
        return class_inputs(named, cls.templates(cfg, dataset))

    @classmethod
    def templates(cls, cfg: Any, dataset: Any) -> list[str]:
        """Of the texts, "{}" for the class name; none where the method learns the words."""
        if cls.method.takes == "names":
            return []
        template, _ = choose_template(cfg, dataset, cls.published_template(cfg))
        return ["{}", template] if cls.method.takes == "both" else [template]

    @classmethod
    def published_template(cls, cfg: Any) -> str:
        """The method's own, "{}" for the class name; empty: the dataset's."""
        return cls.dataset_templates.get(cfg.DATASET.NAME, cls.method.prompt)

    def say_texts(self, dataset: Any) -> None:
        """In the log: the template and where it comes from."""
        if self.method.takes == "names":
            self.say_that_words_are_learnt()
            return
        template, source = choose_template(self.cfg, dataset, self.published_template(self.cfg))
        role = "learnt words, held near " if self.method.takes == "both" else ""
        print(f'Class texts: {role}"{template}" ({source})')

    def say_that_words_are_learnt(self) -> None:
        """In the log, with a hint for whoever gave a text of their own."""
        print("Class texts: the words around the class name are the method's own")
        if self.cfg.DATASET.TEMPLATE:
            print(
                f'DATASET.TEMPLATE "{self.cfg.DATASET.TEMPLATE}" does not reach it: '
                f"TRAINER.{self.section}.CTX_INIT gives words to start from"
            )

    def check_classes(self, directory: str) -> None:
        """Raises ValueError if this names other classes than a folder's run, and the method cannot.

        Of the same dataset: on another one classes may be the same, as on ImageNet's test sets.
        """
        trained, now = origin_of(directory), origin(plain(self.cfg))
        if trained is None or self.method.can_name_new_classes(self.model.settings):
            return
        if trained["dataset"] == now["dataset"] and trained["classes"] != now["classes"]:
            raise ValueError(
                f"{directory} was trained on {trained['classes']} classes of {now['dataset']}, and "
                f"DATASET.SUBSAMPLE_CLASSES is {now['classes']}: {self.cfg.TRAINER.NAME} has "
                "learnt something for each class that it saw. RPO or LP can name others"
            )

    def set_model_mode(self, mode: str = "train", names: Any = None) -> None:
        """Of the method as a whole, which may hold more than what learns."""
        super().set_model_mode(mode, names)
        self.model.train(mode == "train")

    def model_inference(self, images: Tensor) -> Tensor:
        """Logits (batch, classes)."""
        logits = self.model(images)
        contract.check_logits(self.model, logits, len(images), self.num_classes)
        return logits
