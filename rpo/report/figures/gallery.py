"""The figures that compare methods, of whatever runs there are."""

from collections.abc import Iterator, Mapping, Sequence

from rpo.report.figures.base_new import base_against_new
from rpo.report.figures.drawn import Drawn
from rpo.report.figures.groups import CLASSES, slug
from rpo.report.figures.masks import attention_masks
from rpo.report.figures.overview import (
    Points,
    base_and_new,
    over_seeds,
    over_shots,
    with_average,
)
from rpo.report.figures.seeds import FEWEST_FOR_A_BOX, accuracy_over_seeds
from rpo.report.figures.shots import accuracy_over_shots
from rpo.report.record import Record


def overview(records: Sequence[Record]) -> Iterator[Drawn]:
    """Figures that compare methods, for each dataset and for their average."""
    at_home = [record for record in records if record.trained_on == record.dataset]
    for title, classes, curves in with_average(over_shots(at_home)):
        yield Drawn(
            slug(f"shots {title} {classes}"),
            "Accuracy over shots",
            f"{title}, {CLASSES[classes]}: mean over seeds; bars are one standard deviation.",
            accuracy_over_shots(curves, _heading(title, classes)),
            title,
        )
    for title, classes, boxes in over_seeds(at_home):
        yield Drawn(
            slug(f"seeds {title} {classes}"),
            "Variance over seeds",
            f"{title}, {CLASSES[classes]}: every point is a run. {_about_boxes(boxes)}",
            accuracy_over_seeds(boxes, _heading(title, classes)),
            title,
        )
    for title, shots, points in base_and_new(at_home):
        yield Drawn(
            slug(f"base new {title}"),
            "Base against new",
            f"{title}, {shots} shots: mean over seeds with one standard deviation each way; "
            "along a grey curve the harmonic mean H is the same.",
            base_against_new(points, title),
            title,
        )
    for read_only in sorted(mask_forms(records), reverse=True):
        form = "read-only" if read_only else "ordinary (ablation)"
        yield Drawn(
            slug(f"attention masks {form}"),
            "Attention masks of RPO",
            f"Prompts are {form}: a row's token reads the dark columns. Prompts in orange; drawn "
            "from the mask that the model applies, for a short text and nine patches.",
            attention_masks(read_only),
        )


def _heading(title: str, classes: str) -> str:
    return title if classes == "all" else f"{title}, {CLASSES[classes]}"


def _about_boxes(boxes: Mapping[str, Points]) -> str:
    most = max(len(values) for points in boxes.values() for values in points.values())
    if most < FEWEST_FOR_A_BOX:
        return f"Lines are means; boxes are drawn from {FEWEST_FOR_A_BOX} seeds on."
    return "Boxes hold the middle half of the runs, the bar is their median."


def mask_forms(records: Sequence[Record]) -> set[bool]:
    """The values of READ_ONLY that the runs of RPO were trained with."""
    return {
        _rpo_options(record).get("READ_ONLY", True) for record in records if record.method == "RPO"
    }


def _rpo_options(record: Record) -> Mapping[str, bool]:
    return record.content.get("config", {}).get("TRAINER", {}).get("RPO", {})
