"""What the page says of an experiment: metrics, figures, classes, and every run."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from rpo.bundles import shown as shown_path
from rpo.configurations import flat
from rpo.report.figures.comparing import shown_shots
from rpo.report.figures.gallery import Drawn, of_group
from rpo.report.figures.style import styles
from rpo.report.names import CLASSES, clean
from rpo.report.page.tables import PageTable, classes_table, metrics_table
from rpo.report.page.vector import PIXELS_AN_INCH, WIDE_INCHES, inline_svg
from rpo.report.pooled import Group
from rpo.report.statistics import summarise

# Names of few-shot images that are listed; results.json has them all.
LISTED = 6
# What differs between any two runs and says nothing.
ALWAYS_DIFFERENT = ("OUTPUT_DIR", "RESUME")


class Shown(NamedTuple):
    svg: Markup
    title: str
    caption: str
    dataset: str
    width: int
    wide: bool


class Image(NamedTuple):
    source: str
    caption: str


class RunText(NamedTuple):
    """A run: where its number came from."""

    title: str
    accuracy: str
    facts: list[tuple[str, str]]
    different: list[tuple[str, str]]
    samples: str
    config: str


class Section(NamedTuple):
    link: str
    dataset: str
    method: str
    colour: str
    config: str
    source: str
    shots: str
    seeds: str
    scores: list[tuple[str, str]]
    metrics: PageTable
    figures: list[tuple[str, list[Shown]]]
    attention: list[Image]
    classes: PageTable | None
    runs: list[RunText]


def section(group: Group) -> Section:
    """Everything about the runs of an experiment, its figures drawn."""
    one, runs = group.experiment, group.runs
    seeds = set(runs["seed"])
    return Section(
        link=group.name,
        dataset=one.dataset,
        method=one.method,
        colour=styles([one.method])[one.method].colour,
        config=one.config,
        source="" if one.trained_on == one.dataset else f", trained on {one.trained_on}",
        shots=shown_shots(one.shots),
        seeds=_plural(len(seeds), "seed") if max(seeds) >= 0 else "no seed",
        scores=[
            (str(classes), _score(members))
            for classes, members in runs.groupby("classes", observed=True)["accuracy"]
        ],
        metrics=metrics_table(group),
        figures=[(title, list(map(show, drawn))) for title, drawn in of_group(group)],
        attention=_attention(runs),
        classes=classes_table(group),
        runs=run_texts(runs),
    )


def show(drawn: Drawn) -> Shown:
    """A drawn figure as the page has it."""
    svg = inline_svg(drawn.figure, drawn.name, f"{drawn.title}. {drawn.caption}")
    inches = drawn.figure.get_figwidth()
    pixels = round(PIXELS_AN_INCH * inches)
    return Shown(svg, drawn.title, drawn.caption, drawn.dataset, pixels, inches > WIDE_INCHES)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s'[: number != 1]}"


def _score(accuracies: Iterable[float]) -> str:
    summary = summarise(accuracies)
    assert summary is not None  # a part has runs
    return f"{summary.mean:.2f}" + (f" ± {summary.std:.2f}" if summary.n > 1 else "")


def _attention(runs: pd.DataFrame) -> list[Image]:
    """The picture that `rpo look` left beside a run, of the first seed that has one."""
    for run in runs.sort_values("seed", kind="stable").itertuples():
        path = run.path.parent / "attention.png"
        if path.is_file():
            source = f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"
            return [Image(source, f"Visual prompts of seed {run.seed}, drawn by rpo look.")]
    return []


def run_texts(runs: pd.DataFrame) -> list[RunText]:
    """The runs of an experiment, those on the same classes together, seeds ascending."""
    runs = runs.sort_values(["classes", "seed"], kind="stable")
    configs = [flat(content.get("config") or {}) for content in runs["content"]]
    keys = {key for config in configs for key in config if key not in ALWAYS_DIFFERENT}
    varied = sorted(key for key in keys if len({str(c.get(key)) for c in configs if c}) > 1)
    return [_run(*pair, varied) for pair in zip(runs.itertuples(), configs, strict=True)]


def _run(run: Any, config: Mapping[str, Any], varied: Sequence[str]) -> RunText:
    seed = f"Seed {run.seed}" if run.seed >= 0 else "No seed"
    return RunText(
        f"{seed}, {CLASSES[run.classes]}",
        f"{run.accuracy} %" if run.rounded else f"{run.accuracy:.2f} %",
        [(name, value) for name, value in _facts(run).items() if value],
        [(key, str(config[key])) for key in varied if key in config],
        _samples(run.content.get("data") or {}),
        "\n".join(f"{key}: {value}" for key, value in config.items()),
    )


def _facts(run: Any) -> dict[str, str]:
    content = run.content
    versions, seconds = content.get("versions") or {}, content.get("seconds") or {}
    images, peak = content.get("images") or {}, content.get("peak_mb")
    learnt = content.get("learnt_parameters")
    return {
        "read from": clean(shown_path(run.path)),
        "backbone": run.backbone,
        "device": content.get("device") or "",
        "time": _listed(seconds, "{1} {0:.1f} s"),
        "memory": f"{peak:.0f} MiB at its peak" if peak else "",
        "learnt parameters": f"{learnt:,}" if learnt is not None else "",
        "images": _listed(images, "{0:,} {1}"),
        "versions": _listed(versions, "{1} {0}"),
    }


def _listed(values: Mapping[str, Any], form: str) -> str:
    found = ((value, name) for name, value in values.items() if value is not None)
    return ", ".join(form.format(*pair) for pair in found)


def _samples(data: Mapping[str, Any]) -> str:
    """How many files were sampled, a digest to compare samples by, and the first names."""
    files = [name for part in ("train", "val") for name in data.get(part) or []]
    split = f"split {data['split_sha256'][:12]}" if data.get("split_sha256") else ""
    if not files:
        return split
    digest = sha256("\n".join(files).encode()).hexdigest()[:12]
    more = f" and {len(files) - LISTED} more in results.json" if len(files) > LISTED else ""
    listed = f"{', '.join(files[:LISTED])}{more}"
    return f"{len(files)} files, sample {digest}{', ' + split if split else ''}: {listed}"
