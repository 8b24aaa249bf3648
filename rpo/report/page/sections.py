"""What the page says of a group of runs: metrics, figures, classes, and every run."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from rpo.report.figures.drawn import Drawn
from rpo.report.figures.group_figures import of_group
from rpo.report.figures.groups import Group
from rpo.report.figures.style import styles
from rpo.report.page.metrics import classes_table, metrics_table
from rpo.report.page.runs import Run, page_runs
from rpo.report.page.tables import PageTable
from rpo.report.page.vector import PIXELS_AN_INCH, WIDE_INCHES, inline_svg
from rpo.report.record import Record
from rpo.report.statistics import summarise


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
    runs: list[Run]


def section(group: Group) -> Section:
    """Everything about a group of runs, its figures drawn."""
    seeds = {record.seed for record in group.records}
    return Section(
        link=group.name,
        dataset=group.dataset,
        method=group.method,
        colour=styles([group.method])[group.method].colour,
        config=group.config,
        source="" if group.trained_on == group.dataset else f", trained on {group.trained_on}",
        shots=_shots(group.shots),
        seeds=_plural(len(seeds), "seed") if max(seeds) >= 0 else "no seed",
        scores=[(name, _score(records)) for name, records in group.parts().items()],
        metrics=metrics_table(group),
        figures=[(title, list(map(show, drawn))) for title, drawn in of_group(group)],
        attention=_attention(group.records),
        classes=classes_table(group),
        runs=page_runs(group.records),
    )


def show(drawn: Drawn) -> Shown:
    """A drawn figure as the page has it."""
    svg = inline_svg(drawn.figure, drawn.name, f"{drawn.title}. {drawn.caption}")
    inches = drawn.figure.get_figwidth()
    pixels = round(PIXELS_AN_INCH * inches)
    return Shown(svg, drawn.title, drawn.caption, drawn.dataset, pixels, inches > WIDE_INCHES)


def _shots(shots: int) -> str:
    if shots == 0:
        return "untrained"
    return _plural(shots, "shot") if shots > 0 else "all images"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s'[: number != 1]}"


def _score(records: Sequence[Record]) -> str:
    summary = summarise(record.accuracy for record in records)
    assert summary is not None  # a part has records
    return f"{summary.mean:.2f}" + (f" ± {summary.std:.2f}" if summary.n > 1 else "")


def _attention(records: Iterable[Record]) -> list[Image]:
    """The picture that `rpo look` left beside a run, of the first seed that has one."""
    for record in sorted(records, key=lambda record: record.seed):
        path = record.path.parent / "attention.png"
        if path.is_file():
            source = f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"
            return [Image(source, f"Visual prompts of seed {record.seed}, drawn by rpo look.")]
    return []
