"""Which figures a set of runs gives, and which it does not give and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from rpo.reporting.figures import accuracy, evaluation, groups, masks, training
from rpo.reporting.figures.groups import CLASSES, Group
from rpo.reporting.figures.overview import (
    Points,
    base_and_new,
    over_seeds,
    over_shots,
    with_average,
)
from rpo.reporting.records import Record


class Drawn(NamedTuple):
    """A figure with its file name (no suffix), its title, what is seen, and whose it is."""

    name: str
    title: str
    caption: str
    figure: Figure
    dataset: str = ""


def overview(records: Sequence[Record]) -> Iterator[Drawn]:
    """Figures that compare methods, for each dataset and for their average."""
    at_home = [record for record in records if record.trained_on == record.dataset]
    for title, classes, curves in with_average(over_shots(at_home)):
        yield Drawn(
            groups.slug(f"shots {title} {classes}"),
            "Accuracy over shots",
            f"{title}, {CLASSES[classes]}: mean over seeds; bars are one standard deviation.",
            accuracy.accuracy_over_shots(curves, title),
            title,
        )
    for title, classes, boxes in over_seeds(at_home):
        yield Drawn(
            groups.slug(f"seeds {title} {classes}"),
            "Variance over seeds",
            f"{title}, {CLASSES[classes]}: every point is a run. {_about_boxes(boxes)}",
            accuracy.accuracy_over_seeds(boxes, title),
            title,
        )
    for title, shots, points in base_and_new(at_home):
        yield Drawn(
            groups.slug(f"base new {title}"),
            "Base against new",
            f"{title}, {shots} shots: mean over seeds with one standard deviation each way; "
            "along a grey curve the harmonic mean H is the same.",
            accuracy.base_against_new(points, title),
            title,
        )
    for read_only in sorted(_mask_forms(records), reverse=True):
        form = "read-only" if read_only else "ordinary (ablation)"
        yield Drawn(
            groups.slug(f"attention masks {form}"),
            "Attention masks of RPO",
            f"Prompts are {form}: a row's token reads the dark columns. Prompts in orange; drawn "
            "from the mask that the model applies, for a short text and nine patches.",
            masks.attention_masks(read_only),
        )


def _about_boxes(boxes: Mapping[str, Points]) -> str:
    most = max(len(values) for points in boxes.values() for values in points.values())
    if most < accuracy.FEWEST_FOR_A_BOX:
        return f"Boxes are drawn from {accuracy.FEWEST_FOR_A_BOX} seeds on."
    return "Boxes hold the middle half of the runs, the bar is their median."


def _mask_forms(records: Sequence[Record]) -> set[bool]:
    """The values of READ_ONLY that the runs of RPO were trained with."""
    return {
        _rpo_options(record).get("READ_ONLY", True) for record in records if record.method == "RPO"
    }


def _rpo_options(record: Record) -> Mapping[str, bool]:
    return record.content.get("config", {}).get("TRAINER", {}).get("RPO", {})


def of_group(group: Group) -> Iterator[Drawn]:
    """Figures of one method on one dataset, pooled over its seeds."""
    histories = groups.histories(group.records)
    if histories:
        yield Drawn(
            f"{group.name}-loss",
            "Training",
            f"Means of each epoch: {_of_seeds(len(histories))}.",
            training.loss_curves(histories, group.method),
            group.dataset,
        )
    for classes, records in group.parts().items():
        yield from _of_part(group, classes, records)


def _of_part(group: Group, classes: str, records: Sequence[Record]) -> Iterator[Drawn]:
    found = groups.details(records)
    if not found:
        return
    title, name = CLASSES[classes].capitalize(), f"{group.name}-{classes}"
    names, seeds = found[0]["class_names"], f"{len(found)} seed{'s'[: len(found) > 1]}"
    values = groups.accuracies_of_classes(found)
    means = {key: sum(numbers) / len(numbers) for key, numbers in values.items()}
    spreads = {key: accuracy.spread(numbers) for key, numbers in values.items()}
    ends = f", the {evaluation.ENDS} worst and the {evaluation.ENDS} best of {len(means)}"
    yield Drawn(
        f"{name}-classes",
        f"{title}: accuracy of each class",
        f"Mean over {seeds}{ends if len(means) > 2 * evaluation.ENDS else ''}; "
        "lines are one standard deviation.",
        evaluation.class_accuracies(means, spreads, group.method),
        group.dataset,
    )
    yield Drawn(
        f"{name}-confusion",
        f"{title}: what was taken for what",
        f"Confusion matrix of {len(names)} classes, summed over {seeds}.",
        evaluation.confusion_matrix(groups.confusion(found), names),
        group.dataset,
    )
    yield Drawn(
        f"{name}-reliability",
        f"{title}: calibration",
        f"Bars end at the accuracy of the images in a bin of confidence, black lines lie at their "
        f"mean confidence; on the diagonal both agree. {seeds.capitalize()} together.",
        evaluation.reliability_diagram(
            groups.reliability(found), groups.mean_metric(records, "ece"), group.method
        ),
        group.dataset,
    )


def _of_seeds(number: int) -> str:
    return f"{number} seeds thin, their mean bold" if number > 1 else "one seed"


def left_out(records: Sequence[Record]) -> list[str]:
    """Which figures the runs do not give, and what would make them."""
    at_home = [record for record in records if record.trained_on == record.dataset]
    missing = []
    if not any(over_shots(at_home)):
        missing.append(
            "Accuracy over shots: every method was trained with one number of shots only. "
            "Runs with SHOTS=1, 2, 4, 8 and 16 make it."
        )
    if not any(over_seeds(at_home)):
        missing.append("Variance over seeds: there are fewer than three seeds of each run.")
    if not any(base_and_new(at_home)):
        missing.append("Base against new: no method was evaluated on both base and new classes.")
    if not _mask_forms(records):
        missing.append("Attention masks: there is no run of RPO.")
    if not groups.histories(records):
        missing.append(
            "Loss curves: no results.json holds a history. Runs trained with this version do."
        )
    if not any(groups.details([record]) for record in records):
        missing.append(
            "Accuracy of each class, confusions and calibration: no results.json holds details. "
            "Evaluating the runs again with this version records them."
        )
    return missing
