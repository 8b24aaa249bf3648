"""A run's folder: the one place that knows what lies in it, whose it is and how far it got.

    log.txt                      what the run printed
    run.json                     its configuration, whether it has finished, its seconds so far
    history.json                 the means of every epoch
    results.json                 what was measured, and where it comes from: version 1 of
                                 rpo/assets/results.schema.json
    predictions.npz              what was predicted for every test image; see rpo/predictions.py
    <model>/model.pth.tar-<n>    what was learnt in n epochs; <model>/checkpoint names the newest
    attention.png, .json         made of it later, by `rpo look`
    failure.json                 why it failed the last time, and how often in a row; gone once it
                                 ends well, without meaning once it has saved a further epoch
    .lock, .holder.json          while somebody writes here
    .previous/                   the run that is being overwritten, until the new one has learnt;
                                 .previous.moving/ while it is moved there or back

Plain Python: trainers, `rpo run` and the reports all use it.
"""

import math
import os
import shutil
import socket
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rpo.configurations import differences, flat
from rpo.files import UNFINISHED, parse_json, write_bytes, write_json

LOG, RUN, HISTORY, RESULTS = "log.txt", "run.json", "history.json", "results.json"
PREDICTIONS, FAILURE = "predictions.npz", "failure.json"
RECORDS = (
    RUN,
    HISTORY,
    RESULTS,
    PREDICTIONS,
    FAILURE,
    "cmat.pt",
    "attention.png",
    "attention.json",
)
VERSION = 1  # of results.json; files of before have none
LOGS = (LOG, f"{LOG}-*")
LORA = "lora_weights.pt"  # beside a checkpoint of CLIPLoRA, for its released program
CHECKPOINTS = ("model.pth.tar-*", "model-best.pth.tar")
POINTER = "checkpoint"
LOCK, HOLDER = ".lock", ".holder.json"
PREVIOUS, MOVING = ".previous", ".previous.moving"
LEFT_BY_VERSION_0_1 = (f".{HISTORY}-*", f".{RESULTS}-*")
NEW, INTERRUPTED, FINISHED = "new", "interrupted", "finished"


class ConfigMismatchError(ValueError):
    """The folder holds a run of another configuration."""


class RunInUseError(ValueError):
    """Somebody else is writing the folder."""


class RunFolder:
    """The folder of one run, whether it exists or not."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    # What it holds.

    def stored(self) -> dict[str, Any] | None:
        """The content of run.json, None where there is none.

        Raises:
            ValueError: it is damaged.
        """
        path = self.path / RUN
        if not path.is_file():
            return None
        try:
            content = read_object(path)
        except ValueError as error:
            raise ValueError(
                f"{error}. Remove it, and the run goes on from its last checkpoint; or start anew "
                "with --overwrite"
            ) from error
        config = content.get("config")
        if not isinstance(config, dict) or "TRAINER.NAME" not in flat(config):
            raise ValueError(f"{path} is damaged: it has no configuration. Remove it, and its run")
        seconds, validation = (content.get(name) or {} for name in ("seconds", "validation"))
        if not isinstance(seconds, dict) or not are_numbers(seconds.values()):
            raise ValueError(f"{path} is damaged: its seconds are {seconds}")
        if validation and not {"metrics", "details"} <= set(validation):
            raise ValueError(f"{path} is damaged: its validation is {validation}")
        return content

    def models(self) -> list[Path]:
        """The folders that hold checkpoints."""
        return sorted({path.parent for name in CHECKPOINTS for path in self.path.glob(f"*/{name}")})

    def newest_checkpoint(self, model: Path) -> Path | None:
        """The one that the pointer names or, if it names none, that of the last epoch."""
        pointer = model / POINTER
        named = pointer.read_text(errors="replace").strip() if pointer.is_file() else ""
        known = {path.name: path for name in CHECKPOINTS for path in model.glob(name)}
        if named in known:
            return known[named]
        numbered = {epoch_of(path): path for path in model.glob("model.pth.tar-*")}
        return numbered[max(numbered)] if max(numbered, default=-1) >= 0 else None

    def history(self) -> list[dict[str, Any]]:
        """The epochs of the run, oldest first; empty where it has none.

        Raises:
            ValueError: it is damaged.
        """
        path = self.path / HISTORY
        found = read_json(path) if path.is_file() else []
        if not isinstance(found, list) or not all(map(is_epoch, found)):
            raise ValueError(f"{path} is damaged: it is no list of epochs. Remove it")
        return found

    def written(self) -> Iterator[Path]:
        """Everything here that a run writes, and nothing else."""
        for model in self.models():
            for name in (*CHECKPOINTS, POINTER, LORA):
                yield from (path for path in model.glob(name) if not path.match(f"*{UNFINISHED}"))
        for name in (*LOGS, *RECORDS):
            yield from self.path.glob(name)
        yield from self.path.glob("tensorboard")

    # How far it got.

    def state(
        self,
        config: Mapping[str, Any],
        section: str = "",
        defaults: Mapping[str, Any] | None = None,
    ) -> str:
        """NEW, INTERRUPTED or FINISHED, for a run with this configuration.

        A folder with checkpoints but without run.json, as the original Dassl leaves it, is
        interrupted. So is a run that says it has finished but lacks what it has learnt, or what it
        has measured: the latter is measured again.

        Args: see `rpo.configurations.differences`.

        Raises:
            ConfigMismatchError: the folder holds a run of another configuration.
        """
        stored = self.stored()
        if stored is None:
            return INTERRUPTED if self.models() else NEW
        different = differences(stored["config"], config, section, defaults)
        if different:
            raise ConfigMismatchError(
                f"{self.path} holds a run of another configuration. Choose another OUTPUT_DIR or "
                "start anew with --overwrite. Different are:\n" + "\n".join(different)
            )
        return FINISHED if self.is_finished() else INTERRUPTED

    def is_finished(self) -> bool:
        """Whether it says so and has what it has learnt and measured, whatever its configuration.

        Raises:
            ValueError: run.json is damaged.
        """
        stored = self.stored() or {}
        learnt = [self.newest_checkpoint(model) for model in self.models()]
        if not (stored.get("finished") and learnt and all(map(is_whole, learnt))):
            return False
        return bool(flat(stored["config"]).get("TEST.NO_TEST")) or self.has_results()

    def has_results(self) -> bool:
        """Whether there is a results.json that can be read."""
        try:
            return bool(read_object(self.path / RESULTS))
        except (FileNotFoundError, ValueError):
            return False

    def record(self, config: Any, finished: bool, **so_far: Any) -> None:
        """Writes run.json: whose run this is, whether it has ended, and what there is `so_far`.

        That is `seconds` by part, `validation`, metrics and details of the latest one, and
        `backbone`, the SHA-256 of CLIP's weights.
        """
        write_json(self.path / RUN, {"finished": finished, "config": config, **so_far})

    def so_far(self, what: str) -> dict[str, Any]:
        """`seconds` or `validation` of the run, also from before interruptions."""
        return dict((self.stored() or {}).get(what) or {})

    def write_history(self, entries: list[dict[str, Any]]) -> None:
        """Writes history.json."""
        write_json(self.path / HISTORY, entries)

    def write_results(self, record: dict[str, Any], predictions: bytes | None = None) -> Path:
        """Writes what was measured, and all that says where it comes from, to results.json.

        The predictions come first. Killed in between, they are not those that the older
        results.json tells the hash of, which `rpo verify` notices.
        """
        if predictions is not None:
            write_bytes(self.path / PREDICTIONS, predictions)
        write_json(self.path / RESULTS, record)
        if predictions is None:
            (self.path / PREDICTIONS).unlink(missing_ok=True)
        return self.path / RESULTS

    def failure(self) -> dict[str, Any]:
        """`error`, `count`, `host` and `since` of its failures; empty where it has none, or has
        saved an epoch after them."""
        path, history = self.path / FAILURE, self.path / HISTORY
        if not path.is_file():
            return {}
        went_on = history.is_file() and history.stat().st_mtime > path.stat().st_mtime
        return {} if went_on else read_object(path)

    def why_failed(self) -> str:
        """Its failure in one line: the first, or the last of a traceback; empty where none is."""
        error = str(self.failure().get("error", ""))
        lines = [line.strip() for line in error.splitlines() if line.strip()] or [""]
        return lines[-1] if lines[0].startswith('File "') else lines[0]

    def note_failure(self, error: str) -> None:
        """Writes failure.json, if there is room for it. Interruptions are no failures."""
        with suppress(OSError):
            count = self.failure().get("count", 0) + 1
            where = {"host": socket.gethostname(), "since": now()}
            write_json(self.path / FAILURE, {"error": error, "count": count, **where})

    def forget_failure(self) -> None:
        """The run has ended well after all."""
        (self.path / FAILURE).unlink(missing_ok=True)

    # Writing it.

    def clear(self) -> None:
        """Removes what a run wrote, and nothing else; a model's folder goes if it is then empty."""
        models = self.models()
        for path in list(self.written()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for model in models:
            if not any(model.iterdir()):
                model.rmdir()

    def clear_unfinished(self) -> None:
        """Removes files whose writing was interrupted. Only for whoever holds the lock."""
        names = (f"*{UNFINISHED}", f"*/*{UNFINISHED}", *LEFT_BY_VERSION_0_1)
        for path in [path for name in names for path in self.path.glob(name)]:
            path.unlink()

    def set_aside(self) -> None:
        """Moves the run to `.previous`, for a new one that may yet fail to start."""
        for path in list(self.written()):
            target = self.path / MOVING / path.relative_to(self.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.rename(path, target)
        if (self.path / MOVING).is_dir():
            os.rename(self.path / MOVING, self.path / PREVIOUS)

    def settle(self, ended: bool = False) -> None:
        """Ends an overwriting, finished or interrupted at any moment: one run remains.

        The new one, once it has learnt something, or has ended well without anything to learn;
        until then the one that was set aside.
        """
        previous, moving = self.path / PREVIOUS, self.path / MOVING
        if previous.is_dir() and (ended or self.models()):
            shutil.rmtree(previous)
        elif previous.is_dir():
            self.clear()
            os.rename(previous, moving)
        if moving.is_dir():
            for path in [path for path in moving.rglob("*") if not path.is_dir()]:
                target = self.path / path.relative_to(moving)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
            shutil.rmtree(moving)

    @contextmanager
    def lock(self, wait: bool = False) -> Iterator[None]:
        """Holds the folder for one writer.

        An flock, which the system releases when its process dies, also on another host: Linux
        passes it on to the server of an NFS folder. (filelock's SoftFileLock, a mere file, would
        stay behind there; it is what filelock falls back to where there is no flock.)

        Raises:
            RunInUseError: somebody else holds it, and `wait` is false.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        holder = self.path / HOLDER
        try:
            # A mode for groups that share a folder; a moment's patience with whoever just looks.
            lock = FileLock(self.path / LOCK, mode=0o666)
            with lock.acquire(timeout=-1 if wait else 0.2):
                mine = {"host": socket.gethostname(), "pid": os.getpid(), "since": now()}
                write_json(holder, mine)
                try:
                    self.clear_unfinished()
                    self.settle()
                    yield
                finally:
                    holder.unlink(missing_ok=True)
        except Timeout:
            raise RunInUseError(f"{self.path} is being written by {self.holder()}") from None

    def is_held(self) -> bool:
        """Whether somebody writes the folder now, on this host or another."""
        if not (self.path / HOLDER).is_file():
            return False
        try:
            with FileLock(self.path / LOCK, mode=0o666).acquire(timeout=0):
                return False  # the holder died without a word
        except (Timeout, PermissionError):  # or it is another user, whom we believe
            return True

    def holder(self) -> str:
        """Who writes the folder, for a message."""
        try:
            who = read_object(self.path / HOLDER)
            return f"process {who['pid']} on {who['host']} since {who['since']}"
        except (OSError, ValueError, KeyError):
            return "another process"


def now() -> str:
    """The time, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def epoch_of(checkpoint: Path) -> int:
    """The epoch that a checkpoint's name ends with, -1 where it does not."""
    end = checkpoint.name.rpartition("-")[2]
    return int(end) if end.isdecimal() else -1


def is_whole(checkpoint: Path | None) -> bool:
    """Whether a file ends as `torch.save` ends it: one that was cut off, by a copy, does not."""
    return checkpoint is not None and zipfile.is_zipfile(checkpoint)


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises ValueError, with its name, if it is none."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is no JSON ({error})") from error


def read_object(path: Path) -> dict[str, Any]:
    """The same for a file that holds keys and values."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: it holds no keys and values")
    return content


def is_epoch(entry: Any) -> bool:
    """Whether a part of a history is one."""
    if not isinstance(entry, dict) or type(entry.get("epoch")) is not int:
        return False
    return are_numbers(value for value in entry.values() if value is not None)


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all are finite numbers."""
    return all(isinstance(each, (int, float)) and math.isfinite(each) for each in values)
