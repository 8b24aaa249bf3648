"""Presets: the settings of a paper, for every method. They are files in configs/presets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rpo.methods.traits import known_traits

from .files import build, read_content, shipped


@dataclass(frozen=True)
class Rule:
    """Another config, or KEY VALUE pairs, for what fits every condition that is not empty."""

    config: str = ""
    options: Sequence[Any] = ()
    methods: Sequence[str] = ()
    protocols: Sequence[str] = ()
    datasets: Sequence[str] = ()
    shots: Sequence[int] = ()

    def fits(self, method: str, protocol: str, dataset: str, shots: int) -> bool:
        conditions: tuple[tuple[Any, Sequence[Any]], ...] = (
            (method, self.methods),
            (protocol, self.protocols),
            (dataset, self.datasets),
            (shots, self.shots),
        )
        return all(not allowed or value in allowed for value, allowed in conditions)


@dataclass(frozen=True)
class Preset:
    """The settings of a paper: method to the name of its file in configs/trainers/<method>.

    Attributes:
        others: the config of every method that `configs` does not name, if it has such a file.
        exceptions: other settings where they fit. The last config counts, all options do.
        runs_per_process: jobs that one process does one after the other, on one CLIP.
    """

    name: str
    configs: Mapping[str, str]
    others: str = ""
    exceptions: Sequence[Rule] = ()
    runs_per_process: int = 1

    def methods(self) -> list[str]:
        """All methods that have settings, in their order."""
        known = [name for name in known_traits() if self.config(name)]
        return known + [name for name in self.configs if name not in known]

    def config(self, method: str) -> str:
        """The name of a method's file in configs/trainers/<method>; empty where it has none."""
        if method in self.configs:
            return self.configs[method]
        return self.others if shipped(f"trainers/{method}/{self.others}.yaml") else ""

    def settings(self, method: str, *case: Any) -> tuple[str, list[str]]:
        """Config and KEY VALUE pairs of a method for a protocol, dataset and shots.

        Raises:
            ValueError: the preset says nothing of the method, which has not just one config either.
        """
        config, options = self.config(method) or self.only_config(method), []
        for rule in self.exceptions:
            if rule.fits(method, *case):
                config = rule.config or config
                options += [str(part) for part in rule.options]
        return config, options

    def only_config(self, method: str) -> str:
        """The config of a method that has one file and no other."""
        files = [path.stem for path in shipped(f"trainers/{method}/*.yaml")]
        if not files:
            raise ValueError(
                f"{method} has no config: there is no YAML file in configs/trainers/{method}, here "
                "or in a folder that RPO_PATH names"
            )
        if len(files) > 1:
            raise ValueError(
                f"the preset {self.name} says nothing of {method}, whose configs are "
                f"{', '.join(files)}: name one in a preset of your own"
            )
        return files[0]


def read_preset(name: str) -> Preset:
    """The preset of a name in configs/presets, or of a YAML file.

    Raises:
        FileNotFoundError: there is none; the nearest name is given. ValueError: it is no preset.
    """
    path, content = read_content("preset", name)
    content["exceptions"] = [build(Rule, path, rule) for rule in content.get("exceptions") or []]
    return build(Preset, path, {"name": path.stem, **content})
