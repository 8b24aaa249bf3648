"""What can be known before anything is submitted: the partition, the output folder, the disk."""

import contextlib
import os
import shutil
import socket
from pathlib import Path

from rpo.suggest import unknown

from .controller import Partition, partitions
from .settings import Cluster

# Places that no two hosts have in common, and file systems.
NODE_LOCAL = ("/tmp", "/var/tmp", "/dev/shm")
MEMORY_FILES = ("tmpfs", "ramfs")
# Room that a run needs at least, for its checkpoints and logs.
BYTES_A_RUN = 2_000_000


def chosen_partition(cluster: Cluster) -> Partition:
    """The partition that is named, or the cluster's default.

    Raises:
        ValueError: there is none of that name; the nearest one is given.
    """
    known = partitions()
    if "," in cluster.partition:  # several, of which SLURM takes one
        found = [known[name] for name in cluster.partition.split(",") if name in known]
        if len(found) == len(cluster.partition.split(",")):
            return found[0]
    if not cluster.partition:
        default = [each for each in known.values() if each.default]
        if not default:
            raise ValueError(f"the cluster has no default: add --partition {' or '.join(known)}")
        return default[0]
    if cluster.partition not in known:
        raise ValueError(unknown("partition", cluster.partition, known))
    return known[cluster.partition]


def check_output(output: Path, local: bool, runs: int) -> None:
    """Looks whether an output folder can hold the runs, and whether nodes can see it.

    Args:
        local: whether all nodes are this host.

    Raises:
        ValueError: nodes cannot see it, or SLURM cannot name it. OSError: there is no room.
    """
    if "%" in str(output.absolute()):
        raise ValueError(f"--output {output}: SLURM reads a % in a path as a pattern; name another")
    there = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    place = str(there.resolve())
    if not local and (f"{place}/".startswith(NODE_LOCAL) or file_system(place) in MEMORY_FILES):
        raise ValueError(
            f"--output {output} lies on {socket.gethostname()} alone, where nodes cannot see it: "
            "name a folder on a file system that the cluster shares"
        )
    needed, free = runs * BYTES_A_RUN / 1e6, shutil.disk_usage(there).free / 1e6
    if free < needed:
        raise OSError(
            f"the disk of --output {output} is full: {runs} runs need {needed:.0f} MB or more, "
            f"and {free:.0f} MB are free"
        )
    if not os.access(there, os.W_OK):
        raise PermissionError(f"--output {output} cannot be written by you")


def file_system(place: str) -> str:
    """Of a path, as Linux calls it; empty where it does not say."""
    with contextlib.suppress(OSError):
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
        above = [pair for pair in mounts if f"{place}/".startswith(f"{pair[0].rstrip('/')}/")]
        return max(above, key=lambda pair: len(pair[0]))[1] if above else ""
    return ""
