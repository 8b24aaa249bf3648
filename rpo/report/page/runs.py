"""What the page says of a single run: where its number came from."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from rpo.report.figures.groups import CLASSES
from rpo.report.record import Record

# Names of few-shot images that are listed; results.json has them all.
LISTED = 6
# What differs between any two runs and says nothing.
ALWAYS_DIFFERENT = ("OUTPUT_DIR", "RESUME")


class Run(NamedTuple):
    title: str
    accuracy: str
    facts: list[tuple[str, str]]
    different: list[tuple[str, str]]
    samples: str
    config: str


def page_runs(records: Sequence[Record]) -> list[Run]:
    """The runs of a group, those on the same classes together, seeds ascending."""
    configs = [flat(record.content.get("config") or {}) for record in records]
    keys = {key for config in configs for key in config if key not in ALWAYS_DIFFERENT}
    varied = sorted(key for key in keys if len({str(c.get(key)) for c in configs if c}) > 1)
    runs = [_run(*pair, varied) for pair in zip(records, configs, strict=True)]
    order = sorted(range(len(runs)), key=lambda i: (records[i].classes, records[i].seed))
    return [runs[index] for index in order]


def _run(record: Record, config: Mapping[str, Any], varied: Sequence[str]) -> Run:
    seed = f"Seed {record.seed}" if record.seed >= 0 else "No seed"
    return Run(
        f"{seed}, {CLASSES[record.classes]}",
        f"{record.accuracy:.2f} %" if record.decimals is None else f"{record.accuracy} %",
        [(name, value) for name, value in _facts(record).items() if value],
        [(key, str(config[key])) for key in varied if key in config],
        _samples(record.content.get("data") or {}),
        "\n".join(f"{key}: {value}" for key, value in config.items()),
    )


def _facts(record: Record) -> dict[str, str]:
    content = record.content
    versions, seconds = content.get("versions") or {}, content.get("seconds") or {}
    images, peak = content.get("images") or {}, content.get("peak_mb")
    learnt = content.get("learnt_parameters")
    return {
        "read from": str(record.path),
        "backbone": str(content.get("backbone") or ""),
        "device": str(content.get("device") or ""),
        "time": ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items()),
        "memory": f"{peak:.0f} MiB at its peak" if peak else "",
        "learnt parameters": f"{learnt:,}" if learnt is not None else "",
        "images": ", ".join(f"{count:,} {part}" for part, count in images.items()),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


def _samples(data: Mapping[str, Any]) -> str:
    """How many files were sampled, a digest to compare samples by, and the first names."""
    files = [str(name) for part in ("train", "val") for name in data.get(part) or []]
    split = f"split {str(data.get('split_sha256'))[:12]}" if data.get("split_sha256") else ""
    if not files:
        return split
    digest = sha256("\n".join(files).encode()).hexdigest()[:12]
    more = f" and {len(files) - LISTED} more in results.json" if len(files) > LISTED else ""
    listed = f"{', '.join(files[:LISTED])}{more}"
    return f"{len(files)} files, sample {digest}{', ' + split if split else ''}: {listed}"


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested keys as `TRAINER.RPO.K`."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found
