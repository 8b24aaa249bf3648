"""Array tasks handed to SLURM by submitit."""

import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from submitit import SlurmExecutor
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import clean_env

from ..job import Job
from .controller import array_limit, reason
from .packing import MOST_TASKS, chunks
from .records import Records
from .settings import Cluster
from .task import Task

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
                said = reason(str(error)) or type(error).__name__
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
            minutes=self.cluster.minutes,
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
            time=cluster.minutes,
            signal_delay_s=round(cluster.warning),
            cpus_per_task=cluster.cpus_per_job,
            array_parallelism=cluster.array_parallelism,
            # From 22.05 on, srun does not look at --cpus-per-task of sbatch.
            setup=["export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}", *cluster.setup],
            wckey=None,  # submitit's own is refused by clusters that keep a list of them
            # Also where the cluster's default is not to queue again what it preempts.
            additional_parameters={"requeue": True, **flags(cluster.slurm)},
            **{key: value for key, value in asked.items() if value},
        )
        return executor


def flags(options: dict[str, str]) -> dict[str, Any]:
    """Options of sbatch; those without a value are set by nothing or `true`."""
    return {key: True if value in ("", "true") else value for key, value in options.items()}
