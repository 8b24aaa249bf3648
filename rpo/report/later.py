"""Published averages of methods that came after RPO and are not in this project."""

from collections import defaultdict

from rpo.report.published import published
from rpo.report.table import Cell, Table

PROTOCOL = (
    "PromptKD and what builds on it distil from a teacher model and are transductive: another "
    "protocol."
)


def later_methods() -> Table:
    """Averages over the 11 datasets of methods that are not in this project, best H first."""
    found: dict[tuple[str, str, str, str], dict[str, float]] = defaultdict(dict)
    for row in published():
        if row.setting == "later_methods":
            found[row.method, row.paper, row.confidence, row.source][row.metric] = row.value
    rows: list[tuple[Cell, ...]] = [
        (method, values.get("base"), values.get("new"), values.get("H"), *rest)
        for (method, *rest), values in found.items()
    ]
    rows.sort(key=lambda row: -float(str(row[3])))
    headers = ("method", "base", "new", "H", "paper", "confidence", "source")
    title = "Later methods, published averages over the 11 datasets, accuracy in percent"
    return Table("later", title, headers, rows, (PROTOCOL,))
