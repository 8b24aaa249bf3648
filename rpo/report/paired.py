"""Two methods on the same seeds and the same test images: is one better?

An experiment is compared with the reference's of the same dataset, shots and backbone, by what
predictions.npz says of every image.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rpo.report.answers import AllAnswers, common_seeds, read_answers, same_images, stacked
from rpo.report.frame import EXPERIMENT, Experiment, Line, by_line, experiment_of
from rpo.report.names import learns
from rpo.report.significance import bootstrapped, holm, mcnemar, p_value
from rpo.runs import PREDICTIONS
from rpo.suggest import unknown

LEVEL = 0.05
BETTER, NOT_SHOWN, WORSE = "better", "no difference shown", "worse"
# Classes that are compared together: of two, H is compared as well.
TOGETHER = (("base", "new"), ("all",))
MEASURES = ("base", "new", "H", "all")


class Difference(NamedTuple):
    """An experiment less the reference, in percentage points.

    Attributes:
        dataset: its title or, of an average, how many there are.
        reference: method and config of the reference.
        ours, theirs: accuracies in percent, means over the seeds.
        low, high: of the 95 % interval.
        p: that there is none, two-sided; corrected for the number of comparisons once they are
            all there.
        won, lost: images that ours is right on in more seeds, and in fewer; None for H.
        mcnemar: the exact p of these; corrected as well.
        resampled: the bootstrap's differences.
    """

    dataset: str
    line: Line
    experiment: Experiment | None
    reference: str
    measure: str
    ours: float
    theirs: float
    low: float
    high: float
    p: float
    won: int | None
    lost: int | None
    mcnemar: float | None
    seeds: int
    images: int
    resampled: np.ndarray

    @property
    def points(self) -> float:
        """Ours less theirs."""
        return self.ours - self.theirs

    @property
    def verdict(self) -> str:
        """In words, at the level of 5 % after correction."""
        if self.p >= LEVEL:
            return NOT_SHOWN
        return BETTER if self.points > 0 else WORSE


def differences(frame: pd.DataFrame, against: str) -> tuple[list[Difference], list[str]]:
    """Of every experiment that can be compared with the reference; and what is left out, why.

    Args:
        against: a method, or a method and its config as the tables have them.

    Raises:
        ValueError: there is no such method, several of its runs could be meant, or no two runs
            have predictions of the same images and seeds.
    """
    references = named(frame, against)
    notes: list[str] = []
    answers = read_answers(frame, notes)
    found: list[Difference] = []
    for line, experiments in by_line(frame).items():
        own = [
            one
            for experiment in experiments
            for reference in partner(experiment, references)
            for one in compared(experiment, reference, line, answers)
        ]
        found += [*own, *averages(own, line)]
    if not found:
        raise ValueError(
            f"--against {against}: no other run has predictions of the same seeds and test images. "
            f"Runs of this version write {PREDICTIONS}; {' '.join(notes[:1])}".rstrip("; ")
        )
    return corrected(found), notes


def named(frame: pd.DataFrame, against: str) -> list[Experiment]:
    """The experiments of the reference."""
    known = [experiment_of(key) for key, _ in frame.groupby(EXPERIMENT, observed=True)]
    chosen = [one for one in known if against in (one.method, f"{one.method} {one.config}")]
    if not chosen:
        labels = dict.fromkeys(label for one in known for label in (one.method, label_of(one)))
        raise ValueError(unknown("method to compare with", against, list(labels)))
    configs = dict.fromkeys(repr(label_of(one)) for one in chosen)
    if len(chosen) == len(known) and len(configs) > 1:  # nothing else is there
        raise ValueError(f"--against {against}: that could be {', '.join(configs)}. Name one")
    return chosen


def label_of(one: Experiment) -> str:
    return f"{one.method} {one.config}"


def partner(experiment: Experiment, references: Sequence[Experiment]) -> list[Experiment]:
    """The reference under equal conditions, if there is one.

    What does not learn fits any number of shots, and meets the largest.

    Raises:
        ValueError: several fit.
    """
    if experiment in references:
        return []
    fitting = [other for other in references if comparable(experiment, other)]
    if not learns(experiment.method) and len({label_of(one) for one in fitting}) == 1:
        most = max(one.shots for one in fitting)
        fitting = [one for one in fitting if one.shots == most]
    if len(fitting) > 1:
        labels = ", ".join(repr(label_of(one)) for one in fitting)
        raise ValueError(
            f"--against {fitting[0].method}: for {experiment.dataset} that could be {labels}. "
            "Name one of these"
        )
    return fitting


def comparable(one: Experiment, other: Experiment) -> bool:
    """Whether the conditions are equal."""
    if (one.dataset, one.backbone) != (other.dataset, other.backbone):
        return False
    trained = learns(one.method) and learns(other.method)
    return not trained or (one.shots, one.trained_on) == (other.shots, other.trained_on)


def compared(
    experiment: Experiment, reference: Experiment, line: Line, answers: AllAnswers
) -> Iterator[Difference]:
    """Two experiments on each measure for which both have the same seeds and images."""
    both = (experiment, reference)
    for classes in TOGETHER:
        parts = [part for part in classes if all(answers.get((one, part)) for one in both)]
        measures = (*parts, "H")
        ours, theirs = ([answers[one, part] for part in parts] for one in both)
        seeds = common_seeds([*ours, *theirs])
        if not seeds or not same_images(ours, theirs):
            continue
        mine, others = stacked(ours, seeds), stacked(theirs, seeds)
        for place, tested in enumerate(bootstrapped(mine, others, experiment.dataset)):
            own = place if place < len(parts) else None  # H is of both
            won, lost, exact = mcnemar(mine[own], others[own]) if own is not None else (None,) * 3
            yield Difference(
                dataset=experiment.dataset,
                line=line,
                experiment=experiment,
                reference=label_of(reference),
                measure=measures[place],
                won=won,
                lost=lost,
                mcnemar=exact,
                seeds=len(seeds),
                images=sum(part.shape[1] for part in (mine if own is None else [mine[own]])),
                **tested,
            )


def averages(found: Sequence[Difference], line: Line) -> Iterator[Difference]:
    """The mean over the datasets of each measure that several have; they are independent."""
    for measure in MEASURES:
        own = [one for one in found if one.measure == measure]
        if len({one.dataset for one in own}) < 2 or len({one.dataset for one in own}) < len(own):
            continue
        resampled = np.mean([one.resampled for one in own], axis=0)
        ours, theirs = (
            float(np.mean([getattr(one, name) for one in own])) for name in ("ours", "theirs")
        )
        low, high = map(float, np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2]))
        yield own[0]._replace(
            dataset=f"Average ({len(own)})",
            line=line,
            experiment=None,
            ours=ours,
            theirs=theirs,
            low=low,
            high=high,
            p=p_value(ours - theirs, float(resampled.std(ddof=1))),
            won=None,
            lost=None,
            mcnemar=None,
            seeds=min(one.seeds for one in own),
            images=sum(one.images for one in own),
            resampled=resampled,
        )


def corrected(found: Sequence[Difference]) -> list[Difference]:
    """With both p after Holm: over all comparisons on a measure, datasets and averages apart."""
    made = list(found)
    families: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for index, one in enumerate(made):
        families[one.measure, one.experiment is None].append(index)
    for places in families.values():
        for index, p in zip(places, holm([made[i].p for i in places]), strict=True):
            made[index] = made[index]._replace(p=p)
        exact = {index: q for index in places if (q := made[index].mcnemar) is not None}
        for index, p in zip(exact, holm(list(exact.values())), strict=True):
            made[index] = made[index]._replace(mcnemar=p)
    return made
