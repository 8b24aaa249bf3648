"""What a lab writes down of its cluster: configs/cluster/*.yaml, and options that go over it."""

import argparse
from dataclasses import dataclass, field, fields, replace
from typing import Any

import yaml

from rpo.suggest import unknown

from ..files import find_own
from .controller import Partition, minutes

# On a node with GPUs: CPUs for one of them.
CPUS_A_GPU = 8
DEFAULT_MINUTES = 240
DEFAULT = "default"  # of configs/cluster
HELP = {
    "partition": "default: the cluster's",
    "account": "who pays",
    "qos": "quality of service",
    "time": "limit of an array task as sbatch takes it: 90, 4:00:00, 1-12:00:00 (default: 4 h)",
    "gpus_per_job": "of an array task (default: 1 where the partition has any)",
    "cpus_per_job": f"of an array task (default: {CPUS_A_GPU}, or what a node has)",
    "mem": "of an array task, as 32G (default: the cluster's)",
    "array_parallelism": "array tasks that run at once (default: 256)",
    "minutes_per_job": "short runs share an array task of about so long (default: 60)",
}


@dataclass(frozen=True)
class Cluster:
    """What is asked of SLURM for an array task. None and empty: what the cluster gives.

    Attributes:
        setup: lines of shell before anything else, as `module load cuda`.
        slurm: further options of sbatch.
    """

    partition: str = ""
    account: str = ""
    qos: str = ""
    time: int = 0
    gpus_per_job: int | None = None
    cpus_per_job: int | None = None
    mem: str = ""
    array_parallelism: int = 256
    minutes_per_job: int = 60
    setup: tuple[str, ...] = ()
    slurm: dict[str, str] = field(default_factory=dict)

    @property
    def warning(self) -> float:
        """Seconds before the time limit at which a task begins to stop."""
        return min(120.0, self.minutes * 60 / 3)

    @property
    def minutes(self) -> int:
        """The time limit, also where nobody has named one."""
        return self.time or DEFAULT_MINUTES

    def on(self, partition: Partition) -> "Cluster":
        """The same with time, GPUs and CPUs as the partition has them, where nobody says so.

        Raises:
            ValueError: the partition is down, or has not what is asked for.
        """
        if not partition.up:
            raise ValueError(f"the partition {partition.name} takes no jobs: it is not up")
        allowed = partition.limit or self.minutes
        if self.time > allowed:
            raise ValueError(
                f"--time is {self.time} minutes, and the partition {partition.name} allows "
                f"{allowed}"
            )
        gpus = int(partition.gpus) if self.gpus_per_job is None else self.gpus_per_job
        if gpus and not partition.gpus and "gres" not in self.slurm:
            raise ValueError(
                f"--gpus-per-job is {gpus}, and the partition {partition.name} has no GPUs"
            )
        cpus = self.cpus_per_job or min(CPUS_A_GPU * max(1, gpus), partition.cpus)
        if cpus > partition.cpus:
            raise ValueError(
                f"--cpus-per-job is {cpus}, and a node of the partition {partition.name} has "
                f"{partition.cpus}"
            )
        time = min(self.minutes, allowed)
        return replace(self, time=time, gpus_per_job=gpus, cpus_per_job=cpus)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("on SLURM", "also in a file, see docs/cluster.md")
    group.add_argument("--cluster", default=DEFAULT, help="a file of configs/cluster, or a path")
    for name, text in HELP.items():
        group.add_argument(f"--{name.replace('_', '-')}", help=text)
    group.add_argument(
        "--setup", action="append", default=[], metavar="LINE", help="of shell, before the rest"
    )
    group.add_argument(
        "--slurm", action="append", nargs=2, default=[], metavar=("KEY", "VALUE"),
        help="any other option of sbatch: --slurm constraint a100",
    )  # fmt: skip


def typed_options(args: argparse.Namespace) -> list[str]:
    """Those of SLURM that are on the command line."""
    names = ["setup", "slurm", *HELP]
    typed = [name for name in names if getattr(args, name)]
    if args.cluster != DEFAULT:
        typed.append("cluster")
    return [f"--{name.replace('_', '-')}" for name in typed]


def read_cluster(args: argparse.Namespace) -> Cluster:
    """The file that `--cluster` names, and what is typed beside it.

    Raises:
        FileNotFoundError: there is no such file. ValueError: a key or value cannot be.
    """
    path = find_own("cluster", args.cluster)
    # Text, as a YAML reader would take 4:00:00 for a number, and not that of the minutes.
    content = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader) or {}
    known = [each.name for each in fields(Cluster)]
    for key in content:
        if key not in known:
            raise ValueError(f"{path}: {unknown('key', str(key), known)}")
    typed = {name: value for name in HELP if (value := getattr(args, name)) is not None}
    values = {name: _converted(name, value) for name, value in {**content, **typed}.items()}
    values["setup"] = (*values.get("setup", ()), *args.setup)
    values["slurm"] = {**values.get("slurm", {}), **dict(args.slurm)}
    return Cluster(**values)


def _converted(name: str, value: Any) -> Any:
    option = f"--{name.replace('_', '-')}"
    if name == "setup":
        return (value,) if isinstance(value, str) else tuple(value)
    if name == "slurm":
        if not isinstance(value, dict):
            raise ValueError(f'slurm is "{value}"; it holds options of sbatch, as constraint: a100')
        return {key: str(each) for key, each in value.items()}
    if name == "time":
        try:
            return minutes(value)
        except ValueError as error:
            raise ValueError(f"--time: {error}") from None
    if name in ("partition", "account", "qos", "mem"):
        return value
    least = 0 if name == "gpus_per_job" else 1
    if not str(value).isdecimal() or int(value) < least:
        raise ValueError(f"{option} is {value}; it must be a whole number from {least} on")
    return int(value)
