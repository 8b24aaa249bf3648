"""Why an array task ended before it began its first run: what its standard error holds.

A wrong line of --setup, or a Python that does not start, ends a task before it can say anything of
itself. SLURM's queue forgets it, but its log stays.
"""

import re
from pathlib import Path

from .records import Records

NAME = re.compile(r"^#SBATCH --job-name=(\S+)", re.MULTILINE)
# SLURM's own words on a task that has ended; what the task said itself comes before.
OF_SLURM = ("srun: ", "slurmstepd: ")


def logs(records: Records) -> dict[tuple[str, int], Path]:
    """Standard error of the tasks that SLURM has started and that said nothing of themselves."""
    number, found = numbers(records.folder), dict[tuple[str, int], Path]()
    for each in records.submissions():
        if each.name not in number or records.is_cancelled(each.name):
            continue
        for task in range(len(each.tasks)):
            # An array of one task is submitted as none.
            place = f"{number[each.name]}_{task}" if len(each.tasks) > 1 else number[each.name]
            log = records.folder / f"{place}_0_log.err"
            if log.is_file() and not records.task(each.name, task):
                found[each.name, task] = log
    return found


def numbers(folder: Path) -> dict[str, str]:
    """SLURM's number of each submission, by the name in its script."""
    found: dict[str, str] = {}
    for script in folder.glob("*_submission.sh"):
        if named := NAME.search(script.read_text(encoding="utf-8", errors="replace")):
            found[named[1]] = script.name.partition("_")[0]
    return found


def reason(log: Path) -> str:
    """The last line that tells why, and where it stands."""
    lines = [
        line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    said = [line for line in lines if line]
    own = [line for line in said if not line.startswith(OF_SLURM)]
    last = (own or said or ["its task ended without a word"])[-1]
    return f"before it began: {last} (log: {log})"
