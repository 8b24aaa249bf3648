"""Jobs: a case as the `rpo train` commands that do it. Their folders are those of the scripts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from dassl.data.datasets import DATASET_REGISTRY
from dassl.engine import TRAINER_REGISTRY

from rpo.configurations import acting, flat
from rpo.registration import check_registered, section_of
from rpo.trainers.config import default_config
from rpo.trainers.keys import check_keys
from rpo.trainers.merging import merge_file, merge_options

from .cases import Case, Choice, make_cases
from .datasets import Source, find_source
from .files import config_file
from .job import Job, Step
from .presets import Preset
from .protocols import Protocol

# How the keys that are changed most are called in the name of a folder.
SHORT = {
    "OPTIM.MAX_EPOCH": "ep",
    "OPTIM.LR": "lr",
    "DATALOADER.TRAIN_X.BATCH_SIZE": "bs",
    "MODEL.BACKBONE.NAME": "",
}
LONG = 24  # letters of a value that is shown as it is
# What decides nothing where nothing is learnt.
OF_TRAINING = ("OPTIM.", "TRAIN.", "TRAINER.")


@dataclass(frozen=True)
class Planner:
    """Turns cases into jobs."""

    protocol: Protocol
    preset: Preset
    choice: Choice

    def jobs(self) -> list[Job]:
        """Every job, method by method.

        Raises:
            ValueError: a method, variant or dataset does not exist; the nearest one is named.
        """
        return [self.job(case) for case in make_cases(self.protocol, self.preset, self.choice)]

    def job(self, case: Case) -> Job:
        """Trains, then evaluates on what the method can name without having seen it."""
        check_registered(TRAINER_REGISTRY, "trainer", case.method)
        first = self.step(case, case.source, self.protocol.train)
        trained = first.folder if case.learns else None
        further = self.evaluations(case) if case.traits.names_new_classes else []
        steps = (first, *(self.step(case, *each, trained) for each in further))
        swept = " ".join(self.meant_for(case, self.choice.swept))
        label = ", ".join(filter(None, [case.label(), swept]))
        return Job(case.method, label, self.root(case), steps)

    def evaluations(self, case: Case) -> list[tuple[Source, str]]:
        """Datasets and classes to evaluate on besides those of the training."""
        here = [(case.source, classes) for classes in self.protocol.test]
        return here + [(find_source(target), "all") for target in self.protocol.transfer]

    def step(self, case: Case, source: Source, classes: str, trained: Path | None = None) -> Step:
        """Evaluates what is in the folder `trained` or, without one, trains.

        A case that learns nothing is just evaluated.
        """
        trains = case.learns and trained is None
        config, options = self.settings(case, source)
        folder = self.folder(case, source, f"{'train' if trains else 'test'}_{classes}", config)
        arguments = ["--trainer", case.method, "--output-dir", str(folder)]
        arguments += ["--dataset-config-file", str(source.config)]
        arguments += ["--config-file", str(config_file(f"trainers/{case.method}/{config}.yaml"))]
        arguments += ["--root", self.choice.root] if self.choice.root else []
        arguments += [] if trains else ["--eval-only"]
        arguments += ["--model-dir", str(trained)] if trained else []
        arguments += ["--seed", str(case.seed)] if case.learns else []
        arguments += ["DATASET.NUM_SHOTS", str(case.shots)] if case.learns else []
        arguments += ["DATASET.SUBSAMPLE_CLASSES", classes]
        # So that an interrupted run loses one epoch at most.
        short = getattr(TRAINER_REGISTRY.get(case.method), "takes_seconds", False)
        arguments += ["TRAIN.CHECKPOINT_FREQ", "1"] if trains and not short else []
        arguments += [*source.options, *options, *self.meant_for(case, self.choice.options)]
        shown = classes if source == case.source else source.title
        return Step(shown, folder, trains, tuple(arguments))

    def settings(self, case: Case, source: Source) -> tuple[str, list[str]]:
        """Config and KEY VALUE pairs: those of the training also where it is evaluated."""
        dataset = case.source if case.learns else source
        where = (case.method, self.protocol.name, dataset.name, case.shots)
        config, options = self.preset.settings(*where)
        options += self.protocol.options if case.learns else []
        return config, [str(part) for part in (*options, *case.variant.options)]

    def meant_for(self, case: Case, typed: Sequence[str]) -> list[str]:
        """The user's KEY VALUE pairs, as far as they mean something to the method."""
        pairs = [typed[index : index + 2] for index in range(0, len(typed), 2)]
        ignored = () if case.learns else OF_TRAINING
        return [part for pair in pairs if not pair[0].startswith(ignored) for part in pair]

    def folder(self, case: Case, source: Source, part: str, config: str) -> Path:
        """Where the scripts put such a run; its config's name tells variants and options apart."""
        place = self.root(case) / part / source.name
        name = "-".join([config, *([case.name] if case.name else []), *self.named_options(case)])
        if case.learns:
            return place / f"shots_{case.shots}" / case.method / name / f"seed{case.seed}"
        return place / case.method / name

    def named_options(self, case: Case) -> list[str]:
        """What the user's options add to the name of a run's folder, as K4 and ep3.

        Other settings are another experiment, with a folder and a row of its own. An option that
        says what the config says anyway adds nothing.

        Raises:
            ValueError: a value cannot work; its key is named.
        """
        options = self.meant_for(case, self.choice.options)
        if not options:
            return []
        cfg = self.base_config(case)
        trainer = TRAINER_REGISTRY.get(case.method)
        section = section_of(case.method)
        before = acting(cfg, section, case.learns)
        merge_options(cfg, options)
        check_keys(flat(cfg))
        if hasattr(trainer, "settings"):
            trainer.settings(cfg)
            trainer.inputs(cfg, DATASET_REGISTRY.get(cfg.DATASET.NAME), ["a class"])
        after = acting(cfg, section, case.learns)
        changed = sorted(key for key in after if after[key] != before.get(key))
        return [option_name(key, str(after[key])) for key in changed]

    def base_config(self, case: Case) -> Any:
        """The configuration of a training without the user's options."""
        config, options = self.settings(case, case.source)
        cfg = default_config()
        merge_file(cfg, str(case.source.config), "dataset config")
        path = config_file(f"trainers/{case.method}/{config}.yaml")
        merge_file(cfg, str(path), "trainer config")
        merge_options(cfg, options)
        cfg.TRAINER.NAME = case.method
        return cfg

    def root(self, case: Case) -> Path:
        """The folder of a method's runs. What learns nothing is the same in every protocol."""
        folder = self.choice.output / case.traits.folder
        return folder / self.protocol.name if case.learns else folder


def option_name(key: str, value: str) -> str:
    """A key and its value in the name of a folder: K4, ep3.

    What is long, or has letters that a folder's name should not have, ends in a piece of its hash.
    """
    name = SHORT.get(key, key.rpartition(".")[2])
    plain = re.sub(r"[^A-Za-z0-9.+]+", "-", value.removeprefix("/")).strip("-")
    if "/" in value and len(plain) > LONG:  # a path is known by its end
        plain = re.sub(r"[^A-Za-z0-9.+]+", "-", Path(value).name)
    if plain == value and len(value) <= LONG:
        return f"{name}{value}"
    digest = sha256(value.encode()).hexdigest()[:6]
    return f"{name}{plain}-{digest}" if len(plain) <= LONG else f"{name}-{digest}"
