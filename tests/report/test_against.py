"""Paired comparisons: the statistics against slow twins, and what is said of them."""

import json
from math import comb

import numpy as np
import pytest

from rpo.cli import main
from rpo.predictions import make_predictions, pack
from rpo.report import paired, significance
from rpo.report.against import against_tables, tally
from rpo.report.figures import gallery

pytest.importorskip("statsmodels", reason="the extra [report] is not installed")
from statsmodels.stats.contingency_tables import mcnemar

IMAGES = 120


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(significance, "RESAMPLES", 400)


@pytest.fixture
def write_answers(write_run):
    """A function that writes a run whose answers are right on given images."""

    def write(right, shift=0, **changes):
        right = np.asarray(right)
        labels = np.arange(len(right)) % 3
        classes = np.stack([np.where(right, labels, (labels + 1) % 3), (labels + 2) % 3], axis=1)
        names = [f"{number:03}.jpg" for number in range(shift, len(right) + shift)]
        made = make_predictions(names, labels, classes, np.full(classes.shape, 0.5))
        folder = write_run(100 * float(right.mean()), **changes)
        (folder / "predictions.npz").write_bytes(pack(made))
        return folder

    return write


@pytest.fixture
def two_methods(write_answers):
    """RPO and CoOp, seeds 1 and 2, base and new classes; CoOp is worse on base, better on new.

    Returns, for each, whether the answers are right by classes, (seeds, images).
    """
    generator = np.random.default_rng(0)
    shares = {"RPO": {"base": 0.9, "new": 0.5}, "CoOp": {"base": 0.6, "new": 0.55}}
    right = {
        method: {part: generator.random((2, IMAGES)) < share for part, share in parts.items()}
        for method, parts in shares.items()
    }
    for method, parts in right.items():
        for part, answers in parts.items():
            for seed, each in enumerate(answers, start=1):
                write_answers(each, method=method, classes=part, seed=seed)
    return right


def slow_measures(parts, seeds, images):
    """Base, new and H of one draw of seeds and images, answer by answer."""
    by_seed = []
    for seed in seeds:
        shares = []
        for part, drawn in zip(parts, images, strict=True):
            hits = sum(bool(part[seed][image]) for image in drawn)
            shares.append(100 * hits / len(drawn))
        base, new = shares
        by_seed.append((base, new, 2 * base * new / (base + new)))
    return [sum(values) / len(by_seed) for values in zip(*by_seed, strict=True)]


def test_a_draw_of_the_bootstrap_is_what_it_should_be(two_methods):
    parts = list(two_methods["CoOp"].values())
    generator = np.random.default_rng(1)
    seeds = generator.integers(0, 2, (5, 2))
    images = [generator.integers(0, IMAGES, (5, IMAGES)) for _ in parts]
    found = significance.measured(
        parts,
        significance.drawn_counts(seeds, 2),
        [significance.drawn_counts(drawn, IMAGES) for drawn in images],
    )
    for draw in range(5):
        slow = slow_measures(parts, seeds[draw], [drawn[draw] for drawn in images])
        assert found[:, draw] == pytest.approx(slow)


def test_the_interval_is_that_of_a_slow_bootstrap(two_methods, read_frame, monkeypatch):
    monkeypatch.setattr(significance, "RESAMPLES", 2000)
    found, _ = paired.differences(read_frame(), "RPO")
    ours, theirs = (list(two_methods[name].values()) for name in ("CoOp", "RPO"))
    generator = np.random.default_rng(2)
    draws = []
    for _ in range(500):
        seeds = generator.integers(0, 2, 2)
        images = [generator.integers(0, IMAGES, IMAGES) for _ in ours]
        pair = (slow_measures(parts, seeds, images) for parts in (ours, theirs))
        draws.append([mine - other for mine, other in zip(*pair, strict=True)])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    width = high - low
    for place, one in enumerate(found):
        assert abs(one.low - low[place]) < 0.15 * width[place]
        assert abs(one.high - high[place]) < 0.15 * width[place]


def test_differences_are_those_of_the_accuracies(two_methods, read_frame):
    found, notes = paired.differences(read_frame(), "RPO")
    assert [one.measure for one in found] == ["base", "new", "H"] and notes == []
    every = [np.arange(IMAGES)] * 2
    ours, theirs = (
        slow_measures(list(two_methods[name].values()), [0, 1], every) for name in ("CoOp", "RPO")
    )
    for one, mine, other in zip(found, ours, theirs, strict=True):
        assert (one.ours, one.theirs) == pytest.approx((mine, other))
        assert one.low < one.points < one.high and one.seeds == 2
    assert [one.images for one in found] == [IMAGES, IMAGES, 2 * IMAGES]
    assert found[0].verdict == "worse" and found[1].verdict == "no difference shown"


def test_mcnemar_is_exact(two_methods):
    """As statsmodels has it, and by the formula; of one seed."""
    ours, theirs = (two_methods[name]["base"][:1] for name in ("CoOp", "RPO"))
    won, lost, p = significance.mcnemar(ours, theirs)
    assert won == (ours & ~theirs).sum() and lost == (~ours & theirs).sum()
    table = [[(ours & theirs).sum(), won], [lost, (~ours & ~theirs).sum()]]
    assert p == pytest.approx(mcnemar(table, exact=True).pvalue)
    tail = sum(comb(won + lost, k) for k in range(min(won, lost) + 1)) / 2 ** (won + lost)
    assert p == pytest.approx(min(1, 2 * tail))
    assert significance.mcnemar(ours, ours) == (0, 0, 1.0)


def test_seeds_are_no_further_images():
    """Three equal seeds say as much as one."""
    generator = np.random.default_rng(3)
    ours, theirs = generator.random((2, 1, 60)) < 0.6
    thrice = significance.mcnemar(np.repeat(ours, 3, axis=0), np.repeat(theirs, 3, axis=0))
    assert thrice == significance.mcnemar(ours, theirs)


def test_holm_by_hand():
    assert significance.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert significance.holm([]) == []


def test_equal_answers_are_no_difference(write_answers, read_frame):
    right = np.arange(IMAGES) % 4 > 0
    for method in ("RPO", "CoOp"):
        for seed in (1, 2):
            write_answers(right, method=method, seed=seed, classes="all")
    (one,), _ = paired.differences(read_frame(), "CoOp")
    assert (one.points, one.low, one.high, one.p, one.won, one.mcnemar) == (0, 0, 0, 1, 0, 1)
    assert one.verdict == "no difference shown" and one.line.method == "RPO"


def test_what_does_not_learn_goes_with_every_seed(two_methods, write_answers, read_frame):
    for part in ("base", "new"):
        settings = {"method": "ZeroshotCLIP", "classes": part, "seed": -1, "shots": -1}
        write_answers(np.arange(IMAGES) % 2 == 0, **settings)
    found, _ = paired.differences(read_frame(), "ZeroshotCLIP")
    assert {(one.line.method, one.seeds) for one in found} == {("RPO", 2), ("CoOp", 2)}
    assert all(one.theirs == pytest.approx(50) for one in found)


def test_only_common_seeds_and_equal_images_are_compared(two_methods, write_answers, read_frame):
    write_answers(np.ones(IMAGES, bool), method="CoOp", classes="base", seed=7)
    write_answers(np.ones(IMAGES, bool), method="LP", classes="base", shift=1)
    write_answers(np.ones(IMAGES, bool), method="VPT", classes="base", seed=9)
    found, _ = paired.differences(read_frame(), "RPO")
    assert {(one.line.method, one.seeds) for one in found} == {("CoOp", 2)}


def test_averages_over_datasets(two_methods, write_answers, read_frame):
    for method, parts in two_methods.items():
        for part, answers in parts.items():
            for seed, each in enumerate(answers, start=1):
                names = {"method": method, "classes": part, "seed": seed}
                write_answers(each[::-1], dataset="DescribableTextures", **names)
    found, _ = paired.differences(read_frame(), "RPO")
    single, average = ([one for one in found if bool(one.experiment) == own] for own in (1, 0))
    assert [one.dataset for one in average] == ["Average (2)"] * 3
    for one in average:
        own = [each for each in single if each.measure == one.measure]
        assert one.points == pytest.approx(sum(each.points for each in own) / 2)
        assert one.high - one.low < own[0].high - own[0].low
    assert [drawn.dataset for drawn in gallery.paired(found)][0] == ""


def test_a_transfer_is_averaged_over_its_targets_alone(write_answers, read_frame, tmp_path):
    """As in the transfer table; and it is told from a training on the target itself."""
    share = {"Digits": 0.9, "EuroSAT": 0.5, "DescribableTextures": 0.4}
    for dataset, right in share.items():
        names = {"classes": "all", "dataset": dataset}
        write_answers(np.arange(IMAGES) < 30, method="ZeroshotCLIP", shots=-1, seed=-1, **names)
        source = {"trained_on": {"dataset": "Digits"}, "folder": f"output/transfer/{dataset}/seed1"}
        write_answers(np.arange(IMAGES) < right * IMAGES, **names, **source)
    write_answers(np.arange(IMAGES) < 0.8 * IMAGES, classes="all", folder="output/own/main/seed1")
    found, _ = paired.differences(read_frame(), "ZeroshotCLIP")
    points = {one.dataset: one.points for one in found}
    assert points == pytest.approx({
        "Digits": 65,
        "EuroSAT": 55,
        "EuroSAT (trained on Digits)": 25,
        "DescribableTextures (trained on Digits)": 15,
        "Average (2, trained on Digits)": 20,
        "Average (2)": 60,
    })  # fmt: skip
    _, words = against_tables(found, "ZeroshotCLIP")
    said = {row[-1] for row in words.rows}
    assert {"all: better on 2 of 2, no difference shown on 0, worse on 0."} < said
    assert any(one.startswith("from Digits, all: better on 2 of 2") for one in said)
    other, _ = paired.differences(read_frame(), "RPO")  # what does not learn meets each source
    assert {one.dataset for one in other if one.experiment} == set(points) - {
        "Average (2)", "Average (2, trained on Digits)",
    }  # fmt: skip


def test_base_and_new_keep_the_seeds_that_each_has(two_methods, write_answers, read_frame):
    """H is of those that have both; the others' accuracies are those of the table above."""
    further = np.arange(IMAGES) < 30
    for method in ("RPO", "CoOp"):
        write_answers(further, method=method, classes="base", seed=3)
    found, _ = paired.differences(read_frame(), "RPO")
    assert {one.measure: one.seeds for one in found} == {"base": 3, "new": 2, "H": 2}
    base = [*two_methods["CoOp"]["base"], further]
    assert found[0].ours == pytest.approx(100 * np.mean(base))
    every = [np.arange(IMAGES)] * 2
    _, new, harmonic = slow_measures(list(two_methods["CoOp"].values()), [0, 1], every)
    assert (found[1].ours, found[2].ours) == pytest.approx((new, harmonic))
    assert found[2].images == 2 * IMAGES and found[2].won is None


def test_datasets_are_drawn_independently(write_answers, read_frame):
    """Where seeds differ most, those of two datasets count as four."""
    for dataset in ("EuroSAT", "DescribableTextures"):
        for seed, share in ((1, 0.9), (2, 0.3)):
            names = {"classes": "all", "seed": seed, "dataset": dataset}
            write_answers(np.arange(IMAGES) < share * IMAGES, method="CoOp", **names)
            write_answers(np.arange(IMAGES) < 0.6 * IMAGES, **names)
    (one, other, average), _ = paired.differences(read_frame(), "RPO")
    variances = [each.resampled.var() for each in (one, other)]
    assert average.resampled.var() == pytest.approx(sum(variances) / 4, rel=0.2)


def test_in_words(two_methods, read_frame):
    found, _ = paired.differences(read_frame(), "RPO")
    table, words = against_tables(found, "RPO")
    assert words.rows[0][-1].startswith(
        "base: better on 0 of 1, no difference shown on 0, worse on 1;"
    )
    assert dict(zip(table.headers, table.rows[0], strict=True))["verdict"] == "worse"
    made = [found[0]._replace(p=p, ours=ours, theirs=50) for p, ours in ((0, 60), (0, 40), (1, 60))]
    expected = "better on 1 of 3, no difference shown on 1, worse on 1"
    assert tally(made) == expected


def test_a_reference_that_is_none_or_several(two_methods, write_run, read_frame):
    with pytest.raises(ValueError, match="no method to compare with.*RPOO.*RPO"):
        paired.differences(read_frame(), "RPOO")
    for part in ("base", "new"):
        write_run(50, folder=f"output/{part}/other_K4/seed1", classes=part)
    with pytest.raises(ValueError, match="could be 'RPO main_K24', 'RPO other_K4'"):
        paired.differences(read_frame(), "RPO")
    found, notes = paired.differences(read_frame(), "RPO main_K24")
    assert {one.line.method for one in found} == {"CoOp"}
    assert notes == ["2 runs have no predictions.npz and are left out of the comparison."]


def test_what_does_not_learn_meets_the_most_shots(two_methods, write_answers, read_frame):
    for part in ("base", "new"):
        right = np.arange(IMAGES) < 10
        write_answers(right, method="ZeroshotCLIP", classes=part, shots=0, seed=1)
        write_answers(right, classes=part, shots=1, seed=1)
    found, _ = paired.differences(read_frame(), "RPO")
    theirs = {one.theirs for one in found if one.line.method == "ZeroshotCLIP"}
    few = 100 * 10 / IMAGES
    assert theirs and min(theirs) > 2 * few


def test_an_accuracy_that_is_not_of_its_predictions(two_methods, tmp_path, read_frame):
    (path,) = tmp_path.glob("output/base/*/*/CoOp/*/seed1/results.json")
    content = json.loads(path.read_text())
    content["metrics"]["test"]["accuracy"] += 1
    path.write_text(json.dumps(content))
    found, notes = paired.differences(read_frame(), "RPO")
    assert "rpo verify tells more" in notes[0] and found[0].seeds == 1


def test_the_command(two_methods, tmp_path, capsys):
    output = str(tmp_path / "output")
    page, figures = tmp_path / "page.html", tmp_path / "figures"
    drawn = ["--html", str(page), "--figures", str(figures)]
    assert main(["report", output, "--table", "base2new", "--against", "RPO", *drawn]) == 0
    printed = capsys.readouterr().out
    assert "### Difference from RPO" in printed and "### Against RPO, in words" in printed
    assert (figures / "differences-eurosat.pdf").is_file()
    assert "Differences from the reference" in page.read_text()
    assert main(["report", output, "--against", "Nobody"]) == 2


def test_the_command_with_one_method_in_several_configs(write_answers, tmp_path, capsys):
    for config in ("lr-1", "lr-2"):
        write_answers([True, False], folder=f"output/EuroSAT/shots_16/RPO/{config}/seed1")
    output = str(tmp_path / "output")
    assert main(["report", output, "--against", "RPO"]) == 2
    assert "that could be 'RPO lr-1', 'RPO lr-2'. Name one" in capsys.readouterr().err
    assert main(["report", output, "--against", "RPO lr-1"]) == 0


def test_the_command_without_any_predictions(write_run, tmp_path, capsys):
    for method in ("RPO", "CoOp"):
        write_run(50, method=method)
    assert main(["report", str(tmp_path / "output"), "--against", "RPO"]) == 2
    assert "2 runs have no predictions.npz" in capsys.readouterr().err
