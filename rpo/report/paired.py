"""Two methods on the same seeds and the same test images: is one better?

An experiment is compared with the reference's of the same dataset, shots and backbone, by what
predictions.npz says of every image. The interval is a bootstrap over images and seeds; where it
leaves out what other test images or other seeds might have shown, the difference is shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from rpo.hashes import of_data
from rpo.predictions import read_predictions
from rpo.report.frame import EXPERIMENT, Experiment, Line, by_line, experiment_of
from rpo.report.names import clean, learns
from rpo.runs import PREDICTIONS
from rpo.suggest import unknown

LEVEL = 0.05
BETTER, NOT_SHOWN, WORSE = "better", "no difference shown", "worse"
RESAMPLES = 2000
BATCH = 50  # resamples at once, which bounds the memory
ANY = None  # the seed of what does not learn
# Classes that are compared together: of two, H is compared as well.
TOGETHER = (("base", "new"), ("all",))
MEASURES = ("base", "new", "H", "all")


class Answers(NamedTuple):
    """What a run said of its test images, in the order of their paths.

    Attributes:
        images: a digest of their paths and labels.
        right: whether its prediction is the label, (images,).
    """

    images: str
    right: np.ndarray


# By experiment, classes and seed.
AllAnswers: TypeAlias = Mapping[tuple[Experiment, str], Mapping[int | None, Answers]]


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
    return chosen


def label_of(one: Experiment) -> str:
    return f"{one.method} {one.config}"


def partner(experiment: Experiment, references: Sequence[Experiment]) -> list[Experiment]:
    """The reference under equal conditions, if there is one; what does not learn fits any shots.

    Raises:
        ValueError: several fit.
    """
    if experiment in references:
        return []
    fitting = [other for other in references if comparable(experiment, other)]
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


def read_answers(frame: pd.DataFrame, notes: list[str]) -> AllAnswers:
    """Of the runs that have predictions."""
    found: dict[tuple[Experiment, str], dict[int | None, Answers]] = {}
    lacking = 0
    for run in frame.itertuples():
        path = run.path.parent / PREDICTIONS
        experiment = experiment_of([getattr(run, name) for name in EXPERIMENT])
        if not run.content or not path.is_file():
            lacking += 1
            continue
        try:
            answers = answers_of(read_predictions(path), run.content["metrics"]["test"]["accuracy"])
        except ValueError as error:
            notes.append(clean(f"left out of the comparison: {error}"))
            continue
        seed = int(run.seed) if learns(run.method) else ANY
        found.setdefault((experiment, run.classes), {})[seed] = answers
    if lacking:
        notes.append(f"{lacking} runs have no {PREDICTIONS} and are left out of the comparison.")
    return found


def answers_of(predictions: Any, accuracy: float) -> Answers:
    """Raises ValueError if the accuracy is not that of the predictions."""
    order = np.argsort(predictions.paths, kind="stable")
    right = predictions.right[order]
    if abs(100 * right.mean() - accuracy) > 1e-6:
        raise ValueError(
            f"the accuracy is {accuracy} and that of {PREDICTIONS} {100 * right.mean()}; rpo "
            "verify tells more"
        )
    truths = predictions.paths[order].tolist(), predictions.labels[order].tolist()
    return Answers(of_data(truths), right)


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
        for place, tested in enumerate(bootstrapped(mine, others)):
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


def common_seeds(parts: Sequence[Mapping[int | None, Answers]]) -> list[int | None]:
    """Those that all have; what does not learn has its answers for any."""
    stated = [set(part) for part in parts if ANY not in part]
    if not stated:
        return [ANY] if parts else []
    return sorted(set.intersection(*stated), key=str)


def same_images(
    ours: Sequence[Mapping[Any, Answers]], theirs: Sequence[Mapping[Any, Answers]]
) -> bool:
    """Whether both were tested on the same images with the same labels."""
    return all(
        len({answers.images for part in both for answers in part.values()}) == 1
        for both in zip(ours, theirs, strict=True)
    )


def stacked(
    parts: Sequence[Mapping[int | None, Answers]], seeds: Sequence[int | None]
) -> list[np.ndarray]:
    """Of each part whether the answers are right, (seeds, images)."""
    return [
        np.stack([part[seed if seed in part else ANY].right for seed in seeds]) for part in parts
    ]


def bootstrapped(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """Of each part, and of H where there are two, the difference with its interval and p.

    The seeds, if there are several, and the images of each part are drawn anew, the same for both
    methods. The interval is that of the percentiles; p is that of a normal distribution with the
    bootstrap's standard error.
    """
    from scipy import stats

    seeds = [np.arange(len(ours[0]))] if len(ours[0]) > 1 else []
    images = [np.arange(part.shape[1]) for part in ours]

    def statistic(*drawn: np.ndarray, axis: int) -> np.ndarray:
        counts = [
            drawn_counts(places, len(all_of_them))
            for places, all_of_them in zip(drawn, [*seeds, *images], strict=True)
        ]
        weights = counts.pop(0) if seeds else np.ones((*counts[0].shape[:-1], 1))
        return measured(ours, weights, counts) - measured(theirs, weights, counts)

    made = stats.bootstrap(
        (*seeds, *images),
        statistic,
        n_resamples=RESAMPLES,
        batch=BATCH,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    each = [np.ones(part.shape[1]) for part in ours]
    values = [measured(parts, np.ones(len(ours[0])), each) for parts in (ours, theirs)]
    interval = made.confidence_interval
    return [
        {
            "ours": float(mine),
            "theirs": float(other),
            "low": float(interval.low[place]),
            "high": float(interval.high[place]),
            "p": p_value(mine - other, made.standard_error[place]),
            "resampled": made.bootstrap_distribution[place],
        }
        for place, (mine, other) in enumerate(zip(*values, strict=True))
    ]


def drawn_counts(places: np.ndarray, size: int) -> np.ndarray:
    """How often each of `size` things was drawn, (..., size), of the places drawn, (..., size)."""
    rows = places.reshape(-1, size)
    offsets = size * np.arange(len(rows))[:, None]
    counts = np.bincount((rows + offsets).ravel(), minlength=rows.size)
    return counts.reshape(places.shape).astype(np.float32)


def measured(
    parts: Sequence[np.ndarray], seeds: np.ndarray, images: Sequence[np.ndarray]
) -> np.ndarray:
    """Percent right in each part, and H of two: means over the seeds, (measures, ...).

    Args:
        parts: whether answers are right, each (seeds, images).
        seeds: how often each seed counts, (..., seeds).
        images: how often each image of a part counts, each (..., images).
    """
    shares = [
        100 * (counts @ part.T.astype(np.float32)).astype(float) / part.shape[1]  # exact till here
        for part, counts in zip(parts, images, strict=True)
    ]
    if len(shares) == 2:
        base, new = shares
        shares = [base, new, 2 * base * new / np.maximum(base + new, np.finfo(float).tiny)]
    return np.stack([np.average(share, axis=-1, weights=seeds) for share in shares])


def p_value(difference: float, error: float) -> float:
    """Two-sided, that a difference with this standard error is due to chance."""
    from scipy import stats

    return float(2 * stats.norm.sf(abs(difference) / error)) if error else float(difference == 0)


def mcnemar(ours: np.ndarray, theirs: np.ndarray) -> tuple[int, int, float]:
    """Images won and lost, and the exact p of McNemar's test that both are as likely.

    With several seeds an image is won if ours is right on it in more of them: seeds see the same
    images, and would not be independent.
    """
    from scipy.stats import binomtest

    lead = ours.sum(axis=0, dtype=int) - theirs.sum(axis=0, dtype=int)
    won, lost = int((lead > 0).sum()), int((lead < 0).sum())
    return won, lost, float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


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
    """With the p of all comparisons on one measure, datasets and averages apart, after Holm."""
    made = list(found)
    for measure in MEASURES:
        for average in (False, True):
            places = [
                index
                for index, one in enumerate(made)
                if one.measure == measure and (one.experiment is None) == average
            ]
            for name in ("p", "mcnemar"):
                known = [index for index in places if getattr(made[index], name) is not None]
                for index, p in zip(
                    known, holm([getattr(made[i], name) for i in known]), strict=True
                ):
                    made[index] = made[index]._replace(**{name: p})
    return made


def holm(values: Sequence[float]) -> list[float]:
    """Values of p, corrected for their number (Holm 1979)."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(values, method="holm")[1]] if values else []
