"""The tables that `rpo report` knows, by name."""

from collections.abc import Callable, Sequence

from rpo.report.base2new import base2new
from rpo.report.cost import cost
from rpo.report.records import Record
from rpo.report.seeds import seeds_table
from rpo.report.shots import shots_table
from rpo.report.table import Table
from rpo.report.transfer import transfer
from rpo.suggest import unknown

TABLES: dict[str, Callable[[Sequence[Record]], list[Table]]] = {
    "base2new": base2new,
    "transfer": transfer,
    "shots": shots_table,
    "seeds": seeds_table,
    "cost": cost,
}


def build_tables(records: Sequence[Record], names: Sequence[str] | None = None) -> list[Table]:
    """The tables of those names, or all for which there are runs.

    Raises:
        ValueError: an unknown name, or none of the runs belongs into a table.
    """
    for name in names or ():
        if name not in TABLES:
            raise ValueError(unknown("table", name, TABLES))
    found = {name: TABLES[name](records) for name in names or TABLES}
    empty = [name for name, tables in found.items() if not tables]
    if empty and (names or len(empty) == len(TABLES)):
        raise ValueError(f"none of the {len(records)} runs belongs into the table {empty[0]}")
    return [table for tables in found.values() for table in tables]
