"""Array tasks handed to SLURM by submitit, and what is checked before."""

import contextlib
import io
import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import clean_env

from rpo.suggest import unknown

from ..job import Job
from .controller import Partition, array_limit, partitions
from .packing import MOST_TASKS, chunks
from .records import Records
from .settings import Cluster
from .task import Task

# Places that no two hosts have in common, and file systems.
NODE_LOCAL = ("/tmp", "/var/tmp", "/dev/shm")
MEMORY_FILES = ("tmpfs", "ramfs")
# Room that a run needs at least, for its checkpoints and logs.
BYTES_A_RUN = 2_000_000
# What the processes of a task inherit of the command.
INHERITED = ("TQDM_DISABLE", "OMP_NUM_THREADS", "DATA", "CLIP_CACHE", "RPO_CACHE")


class Executor(SlurmExecutor):
    """submitit's, which also writes its script where there is no SLURM."""

    @classmethod
    def affinity(cls) -> int:
        return 2

    def script(self, tasks: int) -> str:
        """What sbatch would be given for so many tasks."""
        if tasks > 1:
            self.parameters["map_count"] = tasks
        return self._make_submission_file_text(self._submitit_command_str, "")


@dataclass(frozen=True)
class Submitter:
    """Makes arrays of tasks.

    Attributes:
        cluster: what to ask for, with GPUs and CPUs.
        group: jobs a process.
    """

    cluster: Cluster
    records: Records
    protocol: str
    per_gpu: int
    group: int

    def submit(self, tasks: Sequence[list[Job]]) -> Iterator[str]:
        """Hands them over; yields the id of each array.

        Raises:
            ValueError: sbatch refuses one. Those before it are in the queue.
        """
        done = 0
        for part in chunks(tasks, min(MOST_TASKS, array_limit())):
            name = self.records.add(self.protocol, part)
            try:
                job = self._hand_over(name, part)
            except (FailedJobError, FailedSubmissionError) as error:
                self.records.remove(name)
                kept = f" ({done} of {len(tasks)} tasks are in the queue)" if done else ""
                said = (str(error).strip() or type(error).__name__).splitlines()[-1]
                raise ValueError(f"sbatch refuses: {said}{kept}") from error
            done += len(part)
            yield job

    def _hand_over(self, name: str, part: Sequence[list[Job]]) -> str:
        executor = self.executor(name)
        made = [self.task(name, index, jobs) for index, jobs in enumerate(part)]
        # Typed within a job of SLURM, that job's variables would be taken for options; its other
        # settings, as where its configuration is, stay.
        inside = clean_env() if "SLURM_JOB_ID" in os.environ else contextlib.nullcontext()
        kept = {key: os.environ[key] for key in ("SLURM_CONF",) if key in os.environ}
        with inside, contextlib.redirect_stderr(io.StringIO()):  # submitit prints errors, too
            os.environ.update(kept)
            return executor.submit_array(made)[0].job_id.partition("_")[0]

    def task(self, name: str, index: int, jobs: Sequence[Job]) -> Task:
        return Task(
            jobs=tuple(jobs),
            output=self.records.output,
            submission=name,
            index=index,
            minutes=self.cluster.time,
            warning=self.cluster.warning,
            gpus=self.cluster.gpus_per_job or 0,
            per_gpu=self.per_gpu,
            group=self.group,
            environment={key: os.environ[key] for key in INHERITED if key in os.environ},
        )

    def executor(self, name: str) -> Executor:
        """With everything that sbatch is told."""
        cluster = self.cluster
        # How often submitit itself would queue a task again that has timed out: see task.py.
        executor = Executor(self.records.folder, max_num_timeout=10**6)
        asked: dict[str, Any] = {
            "partition": cluster.partition,
            "account": cluster.account,
            "qos": cluster.qos,
            "mem": cluster.mem,
            "gpus_per_node": 0 if "gres" in cluster.slurm else cluster.gpus_per_job,
        }
        executor.update_parameters(
            job_name=name,
            time=cluster.time,
            signal_delay_s=round(cluster.warning),
            cpus_per_task=cluster.cpus_per_job,
            array_parallelism=cluster.array_parallelism,
            # From 22.05 on, srun does not look at --cpus-per-task of sbatch.
            setup=["export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK", *cluster.setup],
            wckey=None,  # submitit's own is refused by clusters that keep a list of them
            # Also where the cluster's default is not to queue again what it preempts.
            additional_parameters={"requeue": True, **flags(cluster.slurm)},
            **{key: value for key, value in asked.items() if value},
        )
        return executor


def flags(options: dict[str, str]) -> dict[str, Any]:
    """Options of sbatch; those without a value are set by nothing or `true`."""
    return {key: True if value in ("", "true") else value for key, value in options.items()}


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
        ValueError: nodes cannot see it. OSError: there is no room.
    """
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
