"""What the page says of a group of runs: metrics, figures, classes, and every run."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from rpo.reporting.figures import groups
from rpo.reporting.figures.drawn import Drawn
from rpo.reporting.figures.group_figures import of_group
from rpo.reporting.figures.groups import CLASSES, Group
from rpo.reporting.figures.style import styles
from rpo.reporting.page.runs import Run, page_runs
from rpo.reporting.page.tables import PageTable, simple_table
from rpo.reporting.page.vector import PIXELS_AN_INCH, WIDE_INCHES, inline_svg
from rpo.reporting.records import Record
from rpo.reporting.statistics import Summary, summarise
from rpo.reporting.table import Cell

METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "top5_accuracy": "top-5 accuracy",
    "ece": "ECE",
}


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
        metrics=_metrics(group),
        figures=[(title, list(map(show, drawn))) for title, drawn in of_group(group)],
        attention=_attention(group.records),
        classes=_classes(group),
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


def _metrics(group: Group) -> PageTable:
    """A row for base, new and all classes."""
    rows: list[list[Cell]] = [
        [CLASSES[classes], *(_metric(records, name) for name in METRICS), len(records)]
        for classes, records in group.parts().items()
    ]
    note = "Percent, mean over seeds. ECE is the expected calibration error, 0 is best."
    return simple_table("Metrics", note, ["tested on", *METRICS.values(), "seeds"], rows)


def _metric(records: Iterable[Record], name: str) -> Summary | None:
    if name == "accuracy":
        return summarise(record.accuracy for record in records)
    metrics = [(record.content.get("metrics") or {}).get("test") or {} for record in records]
    return summarise(metric[name] for metric in metrics if metric.get(name) is not None)


def _classes(group: Group) -> PageTable | None:
    """A row a class: how well it is recognised, and what it is mostly taken for."""
    rows: list[list[Cell]] = []
    for classes, records in group.parts().items():
        found = groups.details(records)
        if not found:
            continue
        names, counts = found[0]["class_names"], found[0]["per_class_count"]
        values = groups.accuracies_of_classes(found)
        mistakes = _most_mistaken(groups.confusion(found), names)
        rows += [
            [name, classes, count, summarise(values.get(name, [])), mistakes.get(name)]
            for name, count in zip(names, counts, strict=True)
        ]
    headers = ["class", "part", "images", "accuracy", "mostly taken for"]
    note = "Percent, mean over seeds; of its wrong answers, the most frequent one."
    return simple_table("Every class", note, headers, rows) if rows else None


def _most_mistaken(cells: Iterable[tuple[int, int, int]], names: Sequence[str]) -> dict[str, str]:
    """Class name to its most frequent wrong prediction and how often it is, of all its images."""
    totals: dict[int, int] = {}
    worst: dict[int, tuple[int, int]] = {}
    for true, predicted, count in cells:
        totals[true] = totals.get(true, 0) + count
        if predicted != true and count > worst.get(true, (0, 0))[0]:
            worst[true] = (count, predicted)
    return {
        names[true]: f"{names[predicted]} ({100 * count / totals[true]:.0f} %)"
        for true, (count, predicted) in worst.items()
    }


def _attention(records: Iterable[Record]) -> list[Image]:
    """The pictures that `rpo look` left beside the runs."""
    images = []
    for record in records:
        path = record.path.parent / "attention.png"
        if path.is_file():
            source = f"data:image/png;base64,{b64encode(path.read_bytes()).decode()}"
            about = f"Attention of the visual prompts, seed {record.seed}, drawn by rpo look."
            images.append(Image(source, about))
    return images
