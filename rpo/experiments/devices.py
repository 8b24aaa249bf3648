"""The GPUs of this host, asked of the driver's own tool: the command itself never touches CUDA."""

import os
import re
import shutil
import subprocess

# The value of CUDA_VISIBLE_DEVICES that a process gets; None leaves it as it is.
Slot = str | None


def slots(gpus: str, per_gpu: int, processes: int | None) -> list[Slot]:
    """A device for each process that runs at once, in turn.

    Args:
        gpus: auto, or numbers as 0-7 or 0,2,3.
        per_gpu: processes on one GPU.
        processes: at once; None: as many as the GPUs take, or one where no GPU is chosen.

    Raises:
        ValueError: there is no such GPU, or a number below 1.
    """
    if per_gpu < 1:
        raise ValueError(f"--per-gpu is {per_gpu}; it must be at least 1")
    if processes is not None and processes < 1:
        raise ValueError(f"--processes is {processes}; it must be at least 1")
    here = visible()
    chosen = here if gpus == "auto" else choose(gpus, here)
    everywhere: list[Slot] = [each for _ in range(per_gpu) for each in chosen]
    # One GPU that nobody has chosen is used as PyTorch does it.
    if not chosen or gpus == "auto" and len(here) < 2:
        everywhere = [None] * per_gpu
    count = processes or (1 if gpus == "auto" and per_gpu == 1 else len(everywhere))
    return [everywhere[index % len(everywhere)] for index in range(count)]


def choose(typed: str, here: list[str]) -> list[str]:
    """The devices at the places that are typed, as 0-7 or 0,2,3.

    Raises:
        ValueError: that is no list of places, or there are fewer GPUs.
    """
    places: list[int] = []
    for part in typed.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not match:
            raise ValueError(f'--gpus is "{typed}"; it can be auto, or numbers as 0-7 or 0,2,3')
        places += range(int(match[1]), int(match[2] or match[1]) + 1)
    if not places or max(places) >= len(here):
        found = f"there are {len(here)}, 0-{len(here) - 1}" if here else "no GPU is here"
        raise ValueError(f"--gpus is {typed}, and {found}")
    return [here[place] for place in dict.fromkeys(places)]


def visible() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return [each for each in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if each]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    return re.findall(r"^GPU (\d+):", listed.stdout, re.MULTILINE)
