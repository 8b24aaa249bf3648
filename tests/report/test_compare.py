"""`rpo compare`: ours beside the published values."""

import json

import pytest

from rpo.cli import main
from rpo.report.names import BENCHMARK, DOMAINS

SOURCE = {"dataset": "ImageNet", "classes": "all", "shots": 16, "seed": 1}


@pytest.fixture
def compare(tmp_path, capsys):
    """A function that runs `rpo compare`, and returns its tables."""

    def run(*options):
        assert main(["compare", str(tmp_path), "--format", "json", *options]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def find(table, dataset, metric, paper=None):
    """The rows of a dataset and metric, of a paper."""
    return [
        row
        for row in table["rows"]
        if (row["dataset"], row["metric"]) == (dataset, metric)
        and (paper is None or paper in row["paper"].split(", "))
    ]


def write_seeds(write_run, accuracies, **changes):
    for seed, accuracy in enumerate(accuracies, start=1):
        write_run(accuracy, seed=seed, **changes)


def test_difference_and_seed_spread(write_run, compare):
    """1.51 is more than the standard deviation of 0.82, and less than the interval's half, 2.48."""
    write_seeds(write_run, [88, 89, 90], method="CoCoOp")
    (row,) = find(compare()[0], "EuroSAT", "base", "PromptKD")
    assert row["published"] == 87.49 and row["difference"] == pytest.approx(1.51)
    assert row["seed spread"] == "within" and row["seeds"] == 3


@pytest.mark.parametrize(
    ("accuracies", "said"), [([88, 88.1, 88.2], "outside"), ([95], "one seed")]
)
def test_verdicts(write_run, compare, accuracies, said):
    write_seeds(write_run, accuracies, method="CoCoOp")
    (row,) = find(compare()[0], "EuroSAT", "base", "PromptKD")
    assert row["seed spread"] == said


def test_each_methods_own_convention_of_h(write_run, compare):
    """RPO's H is the mean of 66.67 and 75, CoOp's that of the means 75 and 80."""
    for method in ("RPO", "CoOp"):
        write_seeds(write_run, [50, 100], method=method)
        write_seeds(write_run, [100, 60], method=method, classes="new")
    rows = {row["method"]: row["ours"]["mean"] for row in find(compare()[0], "EuroSAT", "H")}
    assert rows == {
        "RPO": pytest.approx(70.8333, abs=1e-4),
        "CoOp": pytest.approx(77.4194, abs=1e-4),
    }


def test_averages_only_over_all_eleven_datasets(write_run, compare):
    for dataset in BENCHMARK[:10]:
        write_run(80, dataset=dataset)
    assert find(compare()[0], "Average", "base") == []
    write_run(91, dataset=BENCHMARK[10])
    (row,) = find(compare()[0], "Average", "base", "TAP")
    assert row["published"] == 81.13 and row["ours"]["mean"] == 81
    assert row["paper"] == "Awesome list, TAP, MMA"


def test_the_spread_of_an_average_is_that_of_its_seeds(write_run, compare):
    for number, dataset in enumerate(BENCHMARK):
        write_seeds(write_run, [80, 82] if number else [60, 62, 64], dataset=dataset)
    ours = find(compare()[0], "Average", "base")[0]["ours"]
    assert ours["mean"] == pytest.approx((10 * 81 + 62) / 11)
    assert ours["n"] == 2 and ours["std"] == pytest.approx(1)


def test_other_shots_have_only_the_authors_logs(write_run, compare):
    write_seeds(write_run, [30, 32], dataset="FGVCAircraft", classes="new", shots=16)
    write_run(30, dataset="FGVCAircraft", classes="new", shots=4)
    rows = find(compare()[0], "FGVCAircraft", "new")
    assert [(row["shots"], row["paper"]) for row in rows] == [(4, "-"), (16, "RPO logs")]
    assert rows[1]["published"]["n"] == 3 and rows[1]["published"]["mean"] == pytest.approx(34.2)
    assert rows[0]["published"] is None and rows[0]["seed spread"] == "-"


def test_one_source(write_run, compare, tmp_path, capsys):
    write_run(77, method="CoOp")
    rows = find(compare("--source", "DePT re-run")[0], "EuroSAT", "base")
    assert [row["paper"] for row in rows] == ["-"]
    assert main(["compare", str(tmp_path), "--source", "PromptKd"]) == 2
    assert 'Did you mean "PromptKD"?' in capsys.readouterr().err


def test_transfer(write_run, compare):
    write_run(71, method="CoOp", dataset="ImageNet", classes="all")
    for dataset in (*BENCHMARK[1:], *DOMAINS):
        write_run(60, method="CoOp", dataset=dataset, classes="all", trained_on=SOURCE)
    cross, domains = compare()
    (row,) = find(cross, "Average", "accuracy", "RMAdapter")
    assert row["published"] == 63.88 and row["ours"]["mean"] == 60
    (row,) = find(domains, "ImageNetA", "accuracy", "RMAdapter")
    assert row["published"] == 49.71
    (row,) = find(domains, "ImageNet", "accuracy", "RMAdapter")
    assert row["published"] == 71.51 and row["difference"] == pytest.approx(-0.51)


def test_zero_shot_is_compared_though_it_has_no_shots(write_run, compare):
    write_run(56, method="ZeroshotCLIP", seed=-1, shots=-1)
    (row,) = find(compare()[0], "EuroSAT", "base", "PromptKD")
    assert row["published"] == 56.48 and row["seed spread"] == "one seed"


def test_another_backbone_is_said_on_top(write_run, compare):
    write_run(80, backbone="tiny")
    (table,) = compare()
    assert table["title"].startswith("NOT COMPARABLE: tiny is not the papers' ViT-B/16.")
    assert find(table, "EuroSAT", "base")


def test_the_backbone_of_a_log_counts_too(write_log, compare):
    write_log("a/rn50/seed1", 80, backbone="RN50")
    assert compare()[0]["title"].startswith("NOT COMPARABLE: RN50 ")


def test_sources_are_named(write_run, compare):
    write_run(80, method="CoOp")
    notes = compare()[0]["notes"]
    assert "PromptKD: zhengli97/PromptKD@ec244f7 images/exp_results.png" in notes


def test_later_methods_are_marked(write_run, compare):
    write_run(80)
    table = compare("--later")[-1]
    assert table["title"].startswith("Later methods") and table["rows"][0]["H"] == 84.35
    assert {row["confidence"] for row in table["rows"]} == {"stated", "low"}


def test_nothing_to_compare(write_run, tmp_path, capsys):
    write_run(80, classes="all")
    assert main(["compare", str(tmp_path)]) == 2
    assert "nothing published to compare" in capsys.readouterr().err


def test_the_backbone_is_shown_beside_every_run_if_one_is_another(write_run, compare):
    write_run(80, method="CoOp")
    write_run(75, method="CoOp", backbone="RN50", folder="rn50/rn50/seed1")
    (table,) = compare()
    rows = {row["config"]: row for row in find(table, "EuroSAT", "base", "PromptKD")}
    assert rows["main_K24"]["backbone"] == "ViT-B/16"
    assert rows["main_K24"]["seed spread"] == "one seed"
    assert rows["rn50"]["backbone"] == "RN50" and rows["rn50"]["seed spread"] == "other backbone"


def test_few_shots_of_all_classes(write_run, compare):
    """Tip-Adapter's log has 62.01 for 16 shots and 61.45 for 8, of another backbone than tiny."""
    for shots in (8, 16):
        run = {"method": "TipAdapter", "dataset": "ImageNet", "classes": "all", "shots": shots}
        write_seeds(write_run, [62, 63, 64], **run, backbone="RN50")
    write_run(50, method="RPO", dataset="ImageNet", classes="all")  # has no published ones
    (table,) = compare("--source", "Tip-Adapter")
    rows = {row["shots"]: row for row in table["rows"]}
    assert {shots: row["published"] for shots, row in rows.items()} == {8: 61.45, 16: 62.01}
    assert rows[16]["seed spread"] == "within"
    assert "NOT COMPARABLE" not in table["title"]


def test_few_shots_of_another_backbone_are_not_comparable(write_run, compare):
    write_run(62, method="TipAdapter", dataset="ImageNet", classes="all", backbone="ViT-B/16")
    (table,) = compare()
    assert "NOT COMPARABLE: ViT-B/16 is not the papers' RN50" in table["title"]
    assert {row["seed spread"] for row in table["rows"]} == {"other backbone"}
