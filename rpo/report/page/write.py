"""The page itself: what is compared, tables, figures, and a section for every group of runs."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rpo.environment import installed_version
from rpo.files import write_text
from rpo.report.figures import gallery, groups
from rpo.report.figures.groups import Group
from rpo.report.figures.missing import left_out
from rpo.report.figures.style import styles
from rpo.report.page import summary
from rpo.report.page.sections import Section, section, show
from rpo.report.page.tables import page_table
from rpo.report.record import Record
from rpo.report.table import Cell, Table

# Below this a process takes longer to start than to draw.
GROUPS_A_WORKER = 6
NOTE = (
    "A click on a header sorts by its column. The best of a dataset is bold. ± is the population "
    "standard deviation over seeds, or half of Student's 95 % confidence interval of the mean, as "
    "chosen above; – was not measured."
)


def write_page(
    records: Sequence[Record], tables: Sequence[Table], path: str | Path, workers: int = 1
) -> int:
    """Writes the page, whole or not at all.

    Args:
        workers: processes that draw, if there is enough to draw. With more than one, the calling
            program must be importable without side effects (`if __name__ == "__main__"`).

    Returns:
        Its size in bytes.
    """
    text = render(records, tables, workers)
    write_text(Path(path), text)
    return len(text.encode())


def render(records: Sequence[Record], tables: Sequence[Table], workers: int = 1) -> str:
    """The page as text: one file, without a reference to anything outside."""
    found = groups.group(records)
    colours = {one.method: styles([one.method])[one.method].colour for one in found}
    links = {_key(one): one.name for one in found if one.trained_on == one.dataset}
    environment = Environment(
        loader=PackageLoader("rpo.report.page"),
        autoescape=True,  # class names, paths and settings are foreign text
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=summary.title(found),
        lead=summary.lead(records, found),
        facts=summary.facts(records),
        choices=[("dataset", summary.datasets(found)), ("method", list(colours))],
        note=NOTE,
        tables=[
            page_table(table, colours, lambda row: links.get(_row_key(row), "")) for table in tables
        ],
        figures=_figures(records),
        left_out=left_out(records),
        datasets=_datasets_of(_sections(found, workers)),
        style=_own(environment, "style.css"),
        script=_own(environment, "page.js"),
        footer=f"Written by rpo report --html, rpo-clip {installed_version('rpo-clip') or ''}",
    )


def _own(environment: Environment, name: str) -> Markup:
    """A template that is our own text and nothing else."""
    return Markup(environment.get_template(name).render())


def _key(group: Group) -> tuple[Cell, ...]:
    return (group.dataset, group.method, group.config, max(group.shots, 0))


def _row_key(row: Mapping[str, Cell]) -> tuple[Cell, ...]:
    return (row.get("dataset"), row.get("method"), row.get("config"), row.get("shots") or 0)


def _figures(records: Sequence[Record]) -> list[tuple[str, list[Any]]]:
    """Figures under the title that they share."""
    drawn = [show(one) for one in gallery.overview(records)]
    return [(title, list(some)) for title, some in groupby(drawn, lambda one: one.title)]


def _sections(found: Sequence[Group], workers: int) -> list[Section]:
    """A section for each group; drawing is what takes time, so several processes do it."""
    workers = min(workers, len(found) // GROUPS_A_WORKER)
    if workers < 2:
        return [section(one) for one in found]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(section, found))


def _datasets_of(sections: Sequence[Section]) -> list[dict[str, Any]]:
    return [
        {"name": dataset, "link": groups.slug(f"runs {dataset}"), "groups": list(some)}
        for dataset, some in groupby(sections, lambda one: one.dataset)
    ]
