"""The figures of one method on one dataset, pooled over its seeds."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

from rpo.report.figures import groups
from rpo.report.figures.calibration import reliability_diagram
from rpo.report.figures.classes import ENDS, class_accuracies
from rpo.report.figures.confusion import confusion_matrix
from rpo.report.figures.drawn import Drawn
from rpo.report.figures.groups import CLASSES, Group
from rpo.report.figures.training import History, loss_curves
from rpo.report.record import Record

Details = Sequence[Mapping[str, Any]]


def of_group(group: Group) -> Iterator[tuple[str, list[Drawn]]]:
    """Headings with their figures: training, then base, new and all classes as there are."""
    histories = groups.histories(group.records)
    if histories:
        yield "Training", [_training(group, histories)]
    for part, records in group.parts().items():
        found = groups.details(records)
        if found:
            name = f"{group.name}-{part}"
            yield (
                CLASSES[part].capitalize(),
                [
                    _classes(group, found, name),
                    _confusions(group, found, name),
                    _calibration(group, found, records, name),
                ],
            )


def _training(group: Group, histories: Mapping[int, History]) -> Drawn:
    seeds = f"{len(histories)} seeds thin, their mean bold" if len(histories) > 1 else "one seed"
    return Drawn(
        f"{group.name}-loss",
        "Loss",
        f"Means of each epoch: {seeds}.",
        loss_curves(histories, group.method),
        group.dataset,
    )


def _classes(group: Group, found: Details, name: str) -> Drawn:
    values = groups.accuracies_of_classes(found)
    ends = f", the {ENDS} worst and the {ENDS} best of {len(values)}"
    return Drawn(
        f"{name}-classes",
        "Accuracy of each class",
        f"Mean over {_seeds(found)}{ends if len(values) > 2 * ENDS else ''}; "
        "black lines are one standard deviation.",
        class_accuracies(
            {key: fmean(numbers) for key, numbers in values.items()},
            {key: pstdev(numbers) for key, numbers in values.items()},
            group.method,
        ),
        group.dataset,
    )


def _confusions(group: Group, found: Details, name: str) -> Drawn:
    names = found[0]["class_names"]
    return Drawn(
        f"{name}-confusion",
        "What was taken for what",
        f"Confusion matrix of {len(names)} classes, {_seeds(found)} together, in percent of the "
        "true class; the colour follows its root, so that rare confusions are seen.",
        confusion_matrix(groups.confusion(found), names),
        group.dataset,
    )


def _calibration(group: Group, found: Details, records: Sequence[Record], name: str) -> Drawn:
    ece = groups.mean_metric(records, "ece")
    return Drawn(
        f"{name}-reliability",
        "Calibration",
        "Bars end at the accuracy of the images in a bin of confidence, black lines lie at their "
        f"mean confidence; on the diagonal both agree. {_seeds(found).capitalize()} together"
        f"{'' if ece is None else '; ECE is the mean over seeds'}.",
        reliability_diagram(groups.reliability(found), ece, group.method),
        group.dataset,
    )


def _seeds(found: Details) -> str:
    return f"{len(found)} seeds" if len(found) > 1 else "one seed"
