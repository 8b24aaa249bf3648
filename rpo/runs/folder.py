"""What a run's folder holds, how far the run got, and the files that it writes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rpo.configurations import differences, flat
from rpo.files import UNFINISHED, write_bytes, write_json

from .names import (
    CHECKPOINTS,
    HISTORY,
    LOGS,
    LORA,
    POINTER,
    PREDICTIONS,
    RECORDS,
    RESULTS,
    RUN,
    epoch_of,
)
from .reading import are_numbers, is_epoch, is_whole, read_json, read_object

NEW, INTERRUPTED, FINISHED = "new", "interrupted", "finished"


class ConfigMismatchError(ValueError):
    """The folder holds a run of another configuration."""


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

    def has_results(self, of_whole_training: bool = False) -> bool:
        """Whether there is a results.json that can be read, and the predictions that it tells of
        are not gone or cut off.

        Args:
            of_whole_training: whether those of an earlier epoch do not count.
        """
        found = self._results()
        if of_whole_training and found.get("epoch") is not None:
            return False
        predicted = hashes_in(found).get("predictions")
        return bool(found) and (not predicted or is_whole(self.path / PREDICTIONS))

    def check_split(self, now: str | None) -> None:
        """Raises ConfigMismatchError if images or class names have changed since the run here.

        Args:
            now: SHA-256 of the split as it is; None where it is not known.
        """
        before = (self.stored() or {}).get("split") or hashes_in(self._results()).get("split")
        if before and now and before != now:
            raise ConfigMismatchError(
                f"{self.path} holds a run on other images, labels or class names: the SHA-256 of "
                f"the split was {before}, and is {now} now. Choose another OUTPUT_DIR or start "
                "anew with --overwrite"
            )

    def check_epoch(self, epoch: int | None) -> None:
        """Raises ValueError if results of an earlier epoch would replace those of the whole run.

        Args:
            epoch: the earlier one; None of a training that was whole.
        """
        there = self._results()
        if epoch is not None and there and there.get("epoch") is None:
            raise ValueError(
                f"{self.path} holds what was measured after the whole training, and the results of "
                f"epoch {epoch} would replace it. Evaluate that epoch with rpo train --eval-only "
                "--load-epoch in another --output-dir"
            )

    def is_of_other_source(self, now: str | None) -> bool:
        """Whether the run here is one of a method of one's own whose source has changed since.

        Args:
            now: SHA-256 of the source as it is; None for a method of ours.
        """
        before = (self.stored() or {}).get("source")
        return bool(before and now and before != now)

    def _results(self) -> dict[str, Any]:
        """The content of results.json; empty where it cannot be read."""
        try:
            return read_object(self.path / RESULTS)
        except (FileNotFoundError, ValueError):
            return {}

    def record(self, config: Any, finished: bool, **so_far: Any) -> None:
        """Writes run.json: whose run this is, whether it has ended, and what there is `so_far`.

        That is `seconds` by part, `validation`, metrics and details of the latest one, and
        `backbone` and `split`, the SHA-256 of CLIP's weights and of the dataset's split, and
        `source`, that of a method of one's own.
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


def hashes_in(results: Mapping[str, Any]) -> dict[str, Any]:
    """The SHA-256 of all that a results.json comes from; empty where it does not say."""
    found = results.get("sha256")
    return found if isinstance(found, dict) else {}
