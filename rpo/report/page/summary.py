"""What the head of the page says: which runs are compared, and what they have in common."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from rpo.report.figures import groups
from rpo.report.figures.groups import Group
from rpo.report.record import Record


def datasets(found: Sequence[Group]) -> list[str]:
    return list(dict.fromkeys(one.dataset for one in found))


def title(found: Sequence[Group]) -> str:
    methods = list(dict.fromkeys(one.method for one in found))
    return f"{_some(methods, 'methods')} on {_some(datasets(found), 'datasets')}"


def _some(names: Sequence[str], noun: str) -> str:
    """A few names in full, many as a number."""
    if len(names) > 3:
        return f"{len(names)} {noun}"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def lead(records: Sequence[Record], found: Sequence[Group]) -> str:
    methods = ", ".join(dict.fromkeys(one.method for one in found))
    count = f"{len(records)} evaluations in {len(found)} groups of seeds"
    return f"{count}: {methods}; on {', '.join(datasets(found))}."


def facts(records: Sequence[Record]) -> list[tuple[str, str]]:
    contents = [record.content for record in records]
    shots = sorted({groups.shots_of(record) for record in records} - {0})
    seeds = sorted({record.seed for record in records if record.seed >= 0})
    found = {
        "written": datetime.now(timezone.utc).strftime("%d %B %Y, %H:%M UTC"),
        "shots": ", ".join("all images" if number < 0 else str(number) for number in shots),
        "seeds": ", ".join(map(str, seeds)),
        "backbone": _distinct(content.get("backbone") for content in contents),
        "device": _distinct(content.get("device") for content in contents),
        "PyTorch": _distinct((c.get("versions") or {}).get("torch") for c in contents),
    }
    return [(name, value) for name, value in found.items() if value]


def _distinct(values: Any) -> str:
    return ", ".join(sorted({str(value) for value in values if value}))
