"""The page itself: what is compared, tables, figures, and a section for every experiment."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timezone
from itertools import chain, groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rpo.environment import installed_version
from rpo.files import write_text
from rpo.report.figures import gallery
from rpo.report.figures.style import styles
from rpo.report.frame import Experiment
from rpo.report.page.sections import Section, section, show
from rpo.report.page.tables import chance_table, page_table
from rpo.report.paired import Difference
from rpo.report.pooled import Group, groups, slug
from rpo.report.table import Table

# Below this a process takes longer to start than to draw.
GROUPS_A_WORKER = 6
NOTE = (
    "A click on a header sorts by its column. Bold is the best of equal conditions (dataset, "
    "classes, shots and backbone; methods that do not learn are compared with any), if it leads by "
    "more than the binomial error of one seed and is that much above chance, and by more than the "
    "standard error over the seeds of both. ± is the population standard deviation over seeds, or "
    "half of Student's 95 % confidence interval of the mean, as "
    "chosen above; – was not measured."
)


def write_page(
    frame: pd.DataFrame,
    tables: Sequence[Table],
    path: str | Path,
    workers: int = 1,
    notes: Sequence[str] = (),
    differences: Sequence[Difference] = (),
) -> int:
    """Writes the page, whole or not at all.

    Args:
        workers: processes that draw, if there is enough to draw. With more than one, the calling
            program must be importable without side effects (`if __name__ == "__main__"`).
        notes: what was said while runs were read: files that were skipped or replaced.
        differences: from a reference, where one was asked for.

    Returns:
        Its size in bytes.
    """
    text = render(frame, tables, workers, notes, differences)
    write_text(Path(path), text)
    return len(text.encode())


def render(
    frame: pd.DataFrame,
    tables: Sequence[Table],
    workers: int = 1,
    notes: Sequence[str] = (),
    differences: Sequence[Difference] = (),
) -> str:
    """The page as text: one file, without a reference to anything outside."""
    found = groups(frame)
    methods = list(dict.fromkeys(frame["method"].cat.categories))
    colours = {method: style.colour for method, style in styles(methods).items()}
    links: dict[Experiment | None, str] = {group.experiment: group.name for group in found}
    environment = Environment(
        loader=PackageLoader("rpo.report.page"),
        autoescape=True,  # class names, paths and settings are foreign text
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    datasets = list(dict.fromkeys(group.experiment.dataset for group in found))
    chance = chance_table(frame)
    return environment.get_template("page.html").render(
        title=f"{_some(methods, 'methods')} on {_some(datasets, 'datasets')}",
        lead=f"{len(frame)} evaluations in {len(found)} groups of seeds: {', '.join(methods)}; "
        f"on {', '.join(datasets)}.",
        facts=_facts(frame),
        names=datasets,
        methods=list(colours.items()),
        note=NOTE,
        tables=[
            *(page_table(table, colours, lambda one: links.get(one, "")) for table in tables),
            *([chance] if chance else []),
        ],
        figures=_figures(frame, differences),
        left_out=gallery.left_out(frame),
        notes=notes,
        datasets=_datasets_of(
            [each._replace(colour=colours[each.method]) for each in _sections(found, workers)]
        ),
        style=_own(environment, "style.css"),
        script=_own(environment, "page.js"),
        footer=f"Written by rpo report --html, rpo-clip {installed_version('rpo-clip') or ''}",
    )


def _own(environment: Environment, name: str) -> Markup:
    """A template that is our own text and nothing else."""
    return Markup(environment.get_template(name).render())


def _some(names: Sequence[str], noun: str) -> str:
    """A few names in full, many as a number."""
    if len(names) > 3:
        return f"{len(names)} {noun}"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _facts(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """What the runs have in common."""
    shots = sorted(set(frame["shots"]) - {0})
    contents = list(frame["content"])
    found = {
        "written": datetime.now(timezone.utc).strftime("%d %B %Y, %H:%M UTC"),
        "shots": ", ".join("all images" if number < 0 else str(number) for number in shots),
        "seeds": ", ".join(str(seed) for seed in sorted(set(frame["seed"])) if seed >= 0),
        "backbone": _distinct(frame["backbone"]),
        "device": _distinct(content.get("device") for content in contents),
        "PyTorch": _distinct((c.get("versions") or {}).get("torch") for c in contents),
    }
    return [(name, value) for name, value in found.items() if value]


def _distinct(values: Iterable[Any]) -> str:
    return ", ".join(sorted({str(value) for value in values if value}))


def _figures(frame: pd.DataFrame, differences: Sequence[Difference]) -> list[tuple[str, list[Any]]]:
    """Figures under the title that they share."""
    drawn = [show(one) for one in chain(gallery.overview(frame), gallery.paired(differences))]
    return [(title, list(some)) for title, some in groupby(drawn, lambda one: one.title)]


def _sections(found: Sequence[Group], workers: int) -> list[Section]:
    """A section for each group; drawing is what takes time, so several processes do it."""
    workers = min(workers, len(found) // GROUPS_A_WORKER)
    if workers < 2:
        return [section(one) for one in found]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(section, found))


def _datasets_of(sections: Sequence[Section]) -> list[dict[str, Any]]:
    taken: set[str] = set()
    return [
        {"name": dataset, "link": slug(f"runs {dataset}", taken), "groups": list(some)}
        for dataset, some in groupby(sections, lambda one: one.dataset)
    ]
