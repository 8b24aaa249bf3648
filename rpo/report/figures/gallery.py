"""Which figures some runs give: those that compare methods, and those of each experiment."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from rpo.files import write_bytes
from rpo.report import pooled
from rpo.report.figures.comparing import (
    FEWEST_FOR_A_BOX,
    accuracy_over_seeds,
    accuracy_over_shots,
    base_against_new,
    shown_shots,
)
from rpo.report.figures.differences import difference_intervals
from rpo.report.figures.masks import attention_masks
from rpo.report.figures.single import (
    ENDS,
    class_accuracies,
    confusion_matrix,
    loss_curves,
    reliability_diagram,
)
from rpo.report.figures.style import settings
from rpo.report.names import CLASSES
from rpo.report.paired import Difference
from rpo.report.pivots import Panel, averages_over_shots, labels, over_seeds, over_shots
from rpo.report.pivots import base_against_new as planes_of
from rpo.report.pooled import Content, Group, slug
from rpo.report.statistics import average
from rpo.report.table import span

# Whose masks are drawn, and the setting that makes its prompts ordinary tokens.
MASKED, READ_ONLY = "RPO", "TRAINER.RPO.READ_ONLY"
# Without the date the same runs give the same file.
WITHOUT_DATE = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class Drawn(NamedTuple):
    """A figure with its file name (no suffix), its title, what is seen, and whose it is."""

    name: str
    title: str
    caption: str
    figure: Figure
    dataset: str = ""


def write_figures(frame: pd.DataFrame, folder: Path, differences: Sequence[Difference] = ()) -> int:
    """Writes each figure as `<name>.svg` and `<name>.pdf`, whole or not at all; their number."""
    count = 0
    for drawn in chain(every_figure(frame), paired(differences)):
        count += 1
        for form, metadata in WITHOUT_DATE.items():
            buffer = BytesIO()
            with settings():
                drawn.figure.savefig(buffer, format=form, metadata=metadata)
            write_bytes(folder / f"{drawn.name}.{form}", buffer.getvalue())
    return count


def every_figure(frame: pd.DataFrame) -> Iterator[Drawn]:
    """Those that compare methods, then those of each experiment."""
    yield from overview(frame)
    for group in pooled.groups(frame):
        for _, drawn in of_group(group):
            yield from drawn


def overview(frame: pd.DataFrame) -> Iterator[Drawn]:
    """Figures that compare methods, for each dataset and for their average."""
    taken: set[str] = set()
    panels = over_shots(frame)
    for panel in [*averages_over_shots(panels), *panels]:
        yield Drawn(
            slug(f"shots {panel.title} {panel.classes}", taken),
            "Accuracy over shots",
            f"{panel.title}, {CLASSES[panel.classes]}: mean over seeds; bars are one standard "
            f"deviation.{_lacking(panel.left_out)}",
            accuracy_over_shots(_curves(panel), _heading(panel)),
            panel.title,
        )
    for panel in over_seeds(frame):
        yield Drawn(
            slug(f"seeds {panel.title} {panel.classes}", taken),
            "Variance over seeds",
            f"{panel.title}, {CLASSES[panel.classes]}: every point is a run. {_about_boxes(panel)}",
            accuracy_over_seeds(_boxes(panel), _heading(panel)),
            panel.title,
        )
    for plane in planes_of(frame):
        names = labels(plane.points)
        points = {name: plane.points[key].point for key, name in names.items()}
        yield Drawn(
            slug(f"base new {plane.title}", taken),
            "Base against new",
            f"{plane.title}, {plane.shots} shots: mean over seeds with one standard deviation "
            "each way; along a grey curve the harmonic mean H is the same."
            f"{_lacking(plane.left_out)}",
            base_against_new(points, plane.title),
            plane.title,
        )
    for read_only in sorted(mask_forms(frame), reverse=True):
        form = "read-only" if read_only else "ordinary (ablation)"
        yield Drawn(
            slug(f"attention masks {form}", taken),
            "Attention masks of RPO",
            f"Prompts are {form}: the token of a row attends to the dark columns. Prompts in "
            "orange; for a short text and nine patches.",
            attention_masks(read_only),
        )


def paired(differences: Sequence[Difference]) -> Iterator[Drawn]:
    """Differences from the reference, for the averages and for each dataset."""
    taken: set[str] = set()
    ordered = sorted(differences, key=lambda one: one.experiment is not None)  # averages first
    shots = {one.line.shots for one in differences} - {0}
    found: dict[str, list[Difference]] = defaultdict(list)
    for one in ordered:
        found[one.dataset].append(one)
    for dataset, members in found.items():
        labels = [label(one, len(shots) > 1) for one in members]
        images, seeds = (span(getattr(one, n) for one in members) for n in ("images", "seeds"))
        yield Drawn(
            slug(f"differences {dataset}", taken),
            "Differences from the reference",
            f"{dataset}: points more than the reference has, with 95 % intervals over images and "
            f"seeds ({images} images, {seeds} seeds). A filled point is a difference that is shown "
            "after correction for all comparisons.",
            difference_intervals(members, labels),
            "" if dataset.startswith("Average") else dataset,
        )


def label(one: Difference, several_shots: bool) -> str:
    """A method and its configuration, and its shots where there are several."""
    shots = f", {shown_shots(one.line.shots)}" if several_shots else ""
    return f"{one.line.method} {one.line.config}{shots}"


def _curves(panel: Panel) -> dict[str, Any]:
    names = labels(panel.curves)
    found = {
        names[series[:2]]: {shots: average(seeds) for shots, seeds in points.items()}
        for series, points in panel.curves.items()
    }
    return {name: found[name] for name in names.values()}


def _boxes(panel: Panel) -> dict[str, dict[int, list[float]]]:
    names = labels(panel.curves)
    found = {
        names[series[:2]]: {shots: list(seeds[0].values()) for shots, seeds in points.items()}
        for series, points in panel.curves.items()
    }
    return {name: found[name] for name in names.values()}


def _heading(panel: Panel) -> str:
    return panel.title if panel.classes == "all" else f"{panel.title}, {CLASSES[panel.classes]}"


def _lacking(left_out: Sequence[tuple[str, ...]]) -> str:
    """Which methods an average is without."""
    names = ", ".join(" ".join(each[:2]) for each in left_out)
    return f" Left out, without results on all of them: {names}." if names else ""


def _about_boxes(panel: Panel) -> str:
    most = max(len(seeds[0]) for points in panel.curves.values() for seeds in points.values())
    if most < FEWEST_FOR_A_BOX:
        return f"Lines are means; boxes are drawn from {FEWEST_FOR_A_BOX} seeds on."
    return "Boxes hold the middle half of the runs, the bar is their median."


def mask_forms(frame: pd.DataFrame) -> set[bool]:
    """The values of READ_ONLY that the runs of RPO were trained with."""
    masked = frame[frame["method"] == MASKED]
    return {settings.get(READ_ONLY, "True") != "False" for settings in masked["settings"]}


def of_group(group: Group) -> Iterator[tuple[str, list[Drawn]]]:
    """Headings with their figures: training, then base, new and all classes as there are."""
    histories = pooled.histories(group.runs)
    if histories:
        yield "Training", [_training(group, histories)]
    for part, contents in group.parts().items():
        found = pooled.details(contents)
        if found:
            name = f"{group.name}-{part}"
            yield (
                CLASSES[part].capitalize(),
                [
                    _classes(group, found, name),
                    _confusions(group, found, name),
                    _calibration(group, found, contents, name),
                ],
            )


def _training(group: Group, histories: dict[int, Any]) -> Drawn:
    seeds = f"{len(histories)} seeds thin, their mean bold" if len(histories) > 1 else "one seed"
    return Drawn(
        f"{group.name}-loss",
        "Loss",
        f"Means of each epoch: {seeds}.",
        loss_curves(histories, group.experiment.method),
        group.experiment.dataset,
    )


def _classes(group: Group, found: Sequence[Content], name: str) -> Drawn:
    values = pooled.accuracies_of_classes(found)
    ends = f", the {ENDS} worst and the {ENDS} best of {len(values)}"
    return Drawn(
        f"{name}-classes",
        "Accuracy of each class",
        f"Mean over {_seeds(found)}{ends if len(values) > 2 * ENDS else ''}; "
        "black lines are one standard deviation.",
        class_accuracies(
            {key: fmean(numbers) for key, numbers in values.items()},
            {key: pstdev(numbers) for key, numbers in values.items()},
            group.experiment.method,
        ),
        group.experiment.dataset,
    )


def _confusions(group: Group, found: Sequence[Content], name: str) -> Drawn:
    names = found[0]["class_names"]
    return Drawn(
        f"{name}-confusion",
        "Confusion matrix",
        f"{len(names)} classes, {_pooled(found)}, in percent of the true class; the "
        "colour scale is a square root, so that rare confusions can be seen.",
        confusion_matrix(pooled.confusion(found), names),
        group.experiment.dataset,
    )


def _calibration(
    group: Group, found: Sequence[Content], contents: Sequence[Content], name: str
) -> Drawn:
    ece = pooled.mean_metric(contents, "ece")
    return Drawn(
        f"{name}-reliability",
        "Calibration",
        "Bars end at the accuracy of the images in a bin of confidence, black lines lie at their "
        f"mean confidence; on the diagonal both agree. {_pooled(found).capitalize()}"
        f"{'' if ece is None else '; ECE is the mean over seeds'}.",
        reliability_diagram(pooled.reliability(found), ece, group.experiment.method),
        group.experiment.dataset,
    )


def _seeds(found: Sequence[Content]) -> str:
    return f"{len(found)} seeds" if len(found) > 1 else "one seed"


def _pooled(found: Sequence[Content]) -> str:
    return f"{_seeds(found)} pooled" if len(found) > 1 else "one seed"


def left_out(frame: pd.DataFrame) -> list[str]:
    """Which figures the runs do not give, and what would make them."""
    missing = []
    if not over_shots(frame):
        missing.append(
            "Accuracy over shots: every method was trained with one number of shots only. "
            "Runs with SHOTS=1, 2, 4, 8 and 16 make it."
        )
    if not over_seeds(frame):
        missing.append("Variance over seeds: there are fewer than three seeds of each run.")
    if not planes_of(frame):
        missing.append("Base against new: no method was evaluated on both base and new classes.")
    if not mask_forms(frame):
        missing.append("Attention masks: there is no run of RPO.")
    if not pooled.histories(frame):
        missing.append(
            "Loss curves: no results.json holds a history. Runs trained with this version do."
        )
    if not any(pooled.details([content]) for content in frame["content"]):
        missing.append(
            "Accuracy of each class, confusion matrix and calibration: no results.json holds "
            "details. Evaluating the runs again with this version records them."
        )
    return missing
