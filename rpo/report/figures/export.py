"""Figures as files for a paper."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from rpo.files import write_bytes
from rpo.report.figures.drawn import Drawn
from rpo.report.figures.gallery import overview
from rpo.report.figures.group_figures import of_group
from rpo.report.figures.groups import group
from rpo.report.figures.style import settings
from rpo.report.record import Record

# Without the date the same runs give the same file.
WITHOUT_DATE = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def write_figures(records: Sequence[Record], folder: Path) -> int:
    """Writes each figure as `<name>.svg` and `<name>.pdf`, whole or not at all; their number."""
    count = 0
    for drawn in every_figure(records):
        count += 1
        for form, metadata in WITHOUT_DATE.items():
            buffer = BytesIO()
            with settings():
                drawn.figure.savefig(buffer, format=form, metadata=metadata)
            write_bytes(folder / f"{drawn.name}.{form}", buffer.getvalue())
    return count


def every_figure(records: Sequence[Record]) -> Iterator[Drawn]:
    """Those that compare methods, then those of each group of runs."""
    yield from overview(records)
    for one in group(records):
        for _, drawn in of_group(one):
            yield from drawn
