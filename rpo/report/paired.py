"""Two methods on the same seeds and the same test images: is one better?

An experiment is compared with the reference's of the same dataset, shots and backbone, by what
predictions.npz says of every image.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rpo.report.answers import AllAnswers, common_seeds, read_answers, same_images, stacked
from rpo.report.frame import EXPERIMENT, Experiment, Line, by_line, experiment_of
from rpo.report.names import DOMAINS, learns
from rpo.report.significance import bootstrapped, holm, mcnemar, p_value
from rpo.report.table import span
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
        dataset: its title, with the source of a transfer; or, of an average, how many there are.
        source: of a transfer, what was trained on, and whether to ImageNet's shifted versions.
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
    source: str
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
    seeds: int | str
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

    What does not learn fits any number of shots, and meets the largest; it fits any source, too,
    and meets each.

    Raises:
        ValueError: several fit.
    """
    if experiment in references:
        return []
    by_source: dict[str, list[Experiment]] = defaultdict(list)
    for other in references:
        if comparable(experiment, other):
            by_source[other.trained_on].append(other)
    for source, fitting in by_source.items():
        if not learns(experiment.method) and len({label_of(one) for one in fitting}) == 1:
            most = max(one.shots for one in fitting)
            by_source[source] = [one for one in fitting if one.shots == most]
        if len(by_source[source]) > 1:
            labels = ", ".join(repr(label_of(one)) for one in fitting)
            raise ValueError(
                f"--against {fitting[0].method}: for {experiment.dataset} that could be {labels}. "
                "Name one of these"
            )
    return [one for fitting in by_source.values() for one in fitting]


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
    trained = experiment if learns(experiment.method) else reference
    for classes in TOGETHER:
        parts = [part for part in classes if all(answers.get((one, part)) for one in both)]
        for group, measures in measured_together(parts, both, answers):
            ours, theirs = ([answers[one, part] for part in group] for one in both)
            seeds = common_seeds([*ours, *theirs])
            if not seeds or not same_images(ours, theirs):
                continue
            pair = stacked(ours, seeds), stacked(theirs, seeds)
            tests = bootstrapped(*pair, experiment.dataset)
            for place, (measure, tested) in enumerate(zip((*group, "H"), tests, strict=False)):
                if measure in measures:
                    yield Difference(
                        dataset=trained.title,
                        source=source_of(trained),
                        line=line,
                        experiment=experiment,
                        reference=label_of(reference),
                        measure=measure,
                        seeds=len(seeds),
                        **by_image(*pair, place),
                        **tested,
                    )


def by_image(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], place: int) -> Any:
    """Of the measure at a place: its images, and who is right on how many; H is of both parts."""
    if place == len(ours):
        images = sum(part.shape[1] for part in ours)
        return {"images": images, "won": None, "lost": None, "mcnemar": None}
    won, lost, exact = mcnemar(ours[place], theirs[place])
    return {"images": ours[place].shape[1], "won": won, "lost": lost, "mcnemar": exact}


def measured_together(
    parts: Sequence[str], both: Sequence[Experiment], answers: AllAnswers
) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """Parts that are drawn together, with what is measured of them: base, new and H at once, or
    each on its own seeds where base and new do not have the same."""
    if not parts:
        return
    seeds = [common_seeds([answers[one, part] for one in both]) for part in parts]
    if all(each == seeds[0] for each in seeds):
        yield parts, (*parts, "H")
        return
    for part in parts:
        yield (part,), (part,)
    yield parts, ("H",)


def source_of(trained: Experiment) -> str:
    """What a transfer comes from; empty for a test on the dataset of the training."""
    if trained.trained_on == trained.dataset:
        return ""
    shifted = " to its shifted versions" if trained.dataset in DOMAINS else ""
    return f"{trained.trained_on}{shifted}"


def averages(found: Sequence[Difference], line: Line) -> Iterator[Difference]:
    """The mean over the datasets of each measure that several have; they are independent.

    Of transfers it is over the targets, as in the transfer table.
    """
    sources = dict.fromkeys(one.source for one in found)
    for measure, source in product(MEASURES, sources):
        own = [one for one in found if (one.measure, one.source) == (measure, source)]
        if len({one.dataset for one in own}) < 2 or len({one.dataset for one in own}) < len(own):
            continue
        resampled = np.mean([one.resampled for one in own], axis=0)
        ours, theirs = (
            float(np.mean([getattr(one, name) for one in own])) for name in ("ours", "theirs")
        )
        low, high = map(float, np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2]))
        counts = [int(one.seeds) for one in own]
        yield own[0]._replace(
            dataset=f"Average ({len(own)}{f', trained on {source}' if source else ''})",
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
            seeds=counts[0] if len(set(counts)) == 1 else span(counts),
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
