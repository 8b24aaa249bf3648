"""Finished runs below some folders, each once."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rpo.bundles import labelled, shown
from rpo.report import logs
from rpo.report.experiments import SPLIT_DIGEST, Stated, acting, config_names
from rpo.report.names import CLASSES, TITLES, clean, cleaned, learns
from rpo.report.schema import CLASS, COUNT, PERCENT, WHOLE, UntestedError, check, read_results
from rpo.runs import MOVING, PREVIOUS, RUN, RunFolder, why_failed
from rpo.runs import RESULTS as FILE_NAME

OF_CLASSES = [f"test_{classes}" for classes in CLASSES]
# Runs that are named of those that are skipped for the same reason, and are not damaged.
NAMED = 3
LOG = {"shots": WHOLE, "classes": CLASS, "seed": WHOLE, "images": COUNT, "accuracy": PERCENT}


class Run(NamedTuple):
    """The test of one run: results.json, or log.txt of the original programs.

    Attributes:
        dataset: title, as the class of the dataset is called: "EuroSAT".
        trained_on: title of the dataset that the parameters come from.
        folder: the folder above `seed<k>`, which the scripts name after the method's YAML file.
        shots: training images a class; 0 of a method that does not learn, -1 for all images.
        classes: "all", "base" or "new".
        seed: -1 where the run had none.
        accuracy: percent.
        rounded: whether the accuracy has one decimal only.
        backbone: empty where nothing tells it.
        trained: whether the run trained what it tested.
        images: tested ones; 0 where nothing tells.
        path: results.json or log.txt.
        settings: what acts on the accuracy, as text by key.
        content: the parsed results.json; empty for a log.
        lab: whose run it is, where bundles of several are read; empty: ours.
    """

    dataset: str
    trained_on: str
    method: str
    folder: str
    shots: int
    classes: str
    seed: int
    accuracy: float
    rounded: bool
    backbone: str
    trained: bool
    images: int
    path: Path
    settings: Mapping[str, str]
    content: Mapping[str, Any]
    lab: str = ""

    @property
    def stated(self) -> Stated:
        return Stated(
            self.dataset, self.trained_on, self.method, self.folder, self.shots, self.seed,
            self.trained, self.settings,
        )  # fmt: skip


class Found(NamedTuple):
    """Runs with what their configurations are called, and what was said about the others."""

    runs: list[tuple[str, Run]]
    notes: list[str]


def read_runs(folders: Iterable[str | Path], split: str = "test") -> Found:
    """Every run in or below the folders, or in bundles; what cannot be read is named on stderr.

    Each run is there once, and the same run of several labs once for each. A folder without
    results.json is read from its newest log that has a result.

    Args:
        split: "test", or "val", whose accuracies then stand for those of the test.

    Raises:
        FileNotFoundError: a folder does not exist, or holds neither results.json nor log.txt, or
            none of them could be read. ValueError: a file is neither of these, nor a bundle.
    """
    notes: list[str] = []
    searched = [Path(folder) for folder in folders]
    read: list[Run] = []
    untested: dict[str, list[Path]] = {}
    for folder, lab in labelled(searched):
        for path in _sources(folder, notes):
            try:
                read.append(_read(path, notes, lab, split))
            except UntestedError as error:
                untested.setdefault(str(error), []).append(path)
            except (ValueError, OSError) as error:
                _note(notes, f"{shown(path)} is skipped: {error}")
    for reason, paths in untested.items():
        some = ", ".join(shown(path) for path in paths[:NAMED])
        more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
        _note(notes, f"{some}{more} {'is' if len(paths) == 1 else 'are'} skipped: {reason}")
    found = backbones_told_apart(read)
    if not found:
        names = ", ".join(clean(str(folder)) for folder in searched)
        raise FileNotFoundError(f"no finished run is in or below {names}")
    runs: dict[tuple[Any, ...], Run] = {}
    for config, run in zip(config_names([run.stated for run in found]), found, strict=True):
        key = (config, run.dataset, run.trained_on, run.method, run.shots, run.classes, run.seed)
        runs[key] = _better(runs[key], run, notes) if key in runs else run
    return Found([(key[0], run) for key, run in runs.items()], notes)


def backbones_told_apart(runs: list[Run]) -> list[Run]:
    """The same runs; a name behind which there were several weights has their hash beside it."""
    weights: dict[str, set[str]] = {}
    for run in runs:
        weights.setdefault(run.backbone, set()).add(_weights(run))
    several = {name for name, hashes in weights.items() if len(hashes - {""}) > 1}
    return [
        run._replace(backbone=f"{run.backbone} ({_weights(run)[:8] or 'of unknown weights'})")
        if run.backbone in several
        else run
        for run in runs
    ]


def _weights(run: Run) -> str:
    return str((run.content.get("sha256") or {}).get("backbone") or "")


def _sources(folder: Path, notes: list[str]) -> Iterator[Path]:
    """The file that each run below a folder is read from, in the order of their names."""

    def skip(error: OSError) -> None:
        _note(notes, f"{error.filename} is skipped: {error.strerror}")

    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {clean(str(folder))}")
    if folder.is_file() and folder.name != FILE_NAME and not logs.NAME.fullmatch(folder.name):
        raise ValueError(f"{clean(str(folder))} is neither a folder nor a bundle")
    found = False
    top = folder.parent if folder.is_file() else folder
    for name, folders, files in os.walk(top, onerror=skip):
        for kept in {PREVIOUS, MOVING} & set(folders):  # a run that an --overwrite had set aside
            folders.remove(kept)
            _note(notes, f"{Path(name, kept)} is skipped: --overwrite has begun to replace it")
        for link in (each for each in folders if Path(name, each).is_symlink()):
            _note(notes, f"{Path(name, link)} is a link and is not followed: name it, too")
        folders.sort()
        has_log = any(logs.NAME.fullmatch(file) for file in files)
        if FILE_NAME in files or has_log:
            found = True
            yield Path(name, FILE_NAME if FILE_NAME in files else logs.FILE_NAME)
    if not found:
        raise FileNotFoundError(
            f"there is no {FILE_NAME} and no {logs.FILE_NAME} in or below {clean(str(folder))}"
        )


def _read(path: Path, notes: list[str], lab: str, split: str) -> Run:
    if path.name == FILE_NAME:
        run = _from_json(path, split)
    elif split == "test":
        run = _from_log(path, notes)
    else:
        raise ValueError("only results.json tells what was measured on validation images")
    return run._replace(lab=clean(lab), folder=f"{run.folder} [{clean(lab)}]") if lab else run


def _from_json(path: Path, split: str) -> Run:
    content = read_results(path, split)
    source = content.get("trained_on") or {}
    shots, source_shots = content["shots"], source.get("shots")
    return _run(
        path,
        content,
        trained_on=source.get("dataset"),
        shots=source_shots if shots <= 0 and source_shots else shots,
        accuracy=content["metrics"]["test"]["accuracy"],
        trained="train" in (content.get("seconds") or {}),
        images=(content.get("images") or {}).get("test") or 0,
        content=content,
    )


def _from_log(path: Path, notes: list[str]) -> Run:
    log = logs.newest_with_result(path.parent, lambda each: logs.test_result(logs.read_lines(each)))
    assert log is not None  # or there would be no path
    if log.result is None and (failure := why_failed(RunFolder(path.parent))):
        raise ValueError(f"it failed: {failure}")
    facts = cleaned(logs.read_log(log.path))
    if log.path != log.newest:
        _note(notes, f"{log.newest} has no result (was it stopped?); {log.path.name} counts")
    elif log.path.name != logs.FILE_NAME:
        _note(notes, f"{path} had a rerun, which counts: {log.path.name}")
    facts |= facts["result"]._asdict()
    check(facts, LOG)
    return _run(log.path, facts)


def _run(path: Path, facts: Mapping[str, Any], **more: Any) -> Run:
    told = {"rounded": False, "content": {}, **facts, **more}
    backbone = facts.get("backbone") or ""
    config = told.get("config") or {}
    settings = acting(config, facts["method"])
    if backbone:
        settings.setdefault("MODEL.BACKBONE.NAME", backbone)
    if split := (told["content"].get("sha256") or {}).get("split"):
        settings[SPLIT_DIGEST] = split[:8]  # images that were changed, or a folder of the same name
    return Run(
        dataset=facts["dataset"],
        trained_on=told.get("trained_on") or facts["dataset"],
        method=facts["method"],
        folder=clean(config_folder(path)) + _state_of(told["content"], facts["method"]),
        shots=told["shots"] if learns(facts["method"]) else 0,
        classes=facts["classes"],
        seed=facts["seed"],
        accuracy=float(told["accuracy"]),
        rounded=told["rounded"],
        backbone=backbone,
        trained=told["trained"],
        images=told["images"],
        path=path,
        settings=settings,
        content=told["content"],
    )


def _state_of(content: Mapping[str, Any], method: str) -> str:
    """What is no result of a whole training is named, and is an experiment of its own."""
    if (epoch := content.get("epoch")) is not None:
        return f" (epoch {epoch})"
    untrained = "parameters_in" in content and content["parameters_in"] is None and learns(method)
    return " (untrained)" if untrained else ""


def config_folder(path: Path) -> str:
    """The folder above `seed<k>` (and above the tested dataset), less CoOp's `_16shots`."""
    folder = path.absolute().parent
    if folder.name in OF_CLASSES and (folder.parent / RUN).is_file():  # `rpo eval` of such a run
        folder = folder.parent
    while re.fullmatch(r"seed-?\d+", folder.name) or folder.name in TITLES:
        folder = folder.parent
    return re.sub(r"_\d+shots$", "", folder.name)


def _better(known: Run, other: Run, notes: list[str]) -> Run:
    """Of two files of the same run the first, if none is of higher worth.

    They may differ by rounding: half of the last digit.
    """
    chosen = max(known, other, key=_worth)
    tolerance = 0.05 if known.rounded or other.rounded else 0.005
    if abs(known.accuracy - other.accuracy) > tolerance + 1e-9:
        _note(
            notes,
            f"the same run twice, with different accuracies: {known.accuracy:g} in "
            f"{shown(known.path)}, {other.accuracy:g} in {shown(other.path)}. "
            f"{shown(chosen.path)} counts; report them apart to see "
            "both",
        )
    return chosen


def _worth(run: Run) -> tuple[bool, bool, bool]:
    """Full precision and the whole record first; then the run that trained and knows the time."""
    return not run.rounded, bool(run.content), run.trained


def _note(notes: list[str], message: str) -> None:
    notes.append(clean(message))
    print(f"note: {clean(message)}", file=sys.stderr)
