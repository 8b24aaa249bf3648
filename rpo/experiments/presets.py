"""Presets: the settings of a paper, for every method. They are files in configs/presets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .files import build, read_content


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
        exceptions: other settings where they fit. The last config counts, all options do.
    """

    name: str
    configs: Mapping[str, str]
    exceptions: Sequence[Rule] = ()

    def settings(self, method: str, *case: Any) -> tuple[str, list[str]]:
        """Config and KEY VALUE pairs of a method for a protocol, dataset and shots."""
        config, options = self.configs[method], []
        for rule in self.exceptions:
            if rule.fits(method, *case):
                config = rule.config or config
                options += [str(part) for part in rule.options]
        return config, options


def read_preset(name: str) -> Preset:
    """The preset of a name in configs/presets, or of a YAML file.

    Raises:
        FileNotFoundError: there is none; the nearest name is given. ValueError: it is no preset.
    """
    path, content = read_content("preset", name)
    content["exceptions"] = [build(Rule, path, rule) for rule in content.get("exceptions") or []]
    return build(Preset, path, {"name": path.stem, **content})
