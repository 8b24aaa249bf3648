"""The tables of `rpo report`, cell by cell."""

import pytest

from rpo.cli import main
from rpo.report.pivots import averages_over_shots, over_shots
from rpo.report.table import cell_text
from rpo.report.tables import NEEDS, TABLES, build_tables


@pytest.fixture
def rows(read_frame):
    """A function to the rows of the first table of a name, as they are printed."""

    def read(name, number=0):
        table = build_tables(read_frame(), [name])[number]
        return [[cell_text(cell) for cell in row] for row in table.rows]

    return read


def write_pairs(write_run, base, new, **changes):
    for classes, accuracies in (("base", base), ("new", new)):
        for seed, accuracy in enumerate(accuracies, start=1):
            write_run(accuracy, classes=classes, seed=seed, **changes)


def test_base2new(write_run, rows):
    write_pairs(write_run, [80, 90], [60, 70])
    write_run(50, method="ZeroshotCLIP", seed=-1, shots=-1)
    assert rows("base2new") == [
        ["EuroSAT", "ZeroshotCLIP", "vit_b16", "-", "50.00", "-", "-", "-", "1"],
        ["EuroSAT", "RPO", "main_K24", "16", "85.00 ± 5.00", "65.00 ± 5.00", "73.66 ± 5.09",
         "73.67", "2"],
    ]  # fmt: skip


def test_methods_in_the_order_of_the_papers(write_run, rows):
    for method in ("RPO", "VaMP", "MaPLe", "CoOp", "ZeroshotCLIP"):
        write_run(80, method=method)
    assert [row[1] for row in rows("base2new")] == [
        *("ZeroshotCLIP", "CoOp", "MaPLe", "VaMP", "RPO")
    ]


def test_base_and_new_are_of_all_seeds_and_h_of_those_that_have_both(write_run, rows):
    """H of the seeds is the mean of 68.57 and 76.36; H of means that of 82 and 40."""
    write_pairs(write_run, [80, 84], [60, 70, 10, 20])
    (row,) = rows("base2new")
    assert row[4:6] == ["82.00 ± 2.00", "40.00 ± 25.50"]
    assert row[6:8] == ["72.47 ± 3.90", "53.77"] and row[-1] == "base 2, new 4, H 2"


def test_seeds_with_new_classes_only_are_not_lost(write_run, rows):
    write_pairs(write_run, [], [60, 70])
    assert rows("base2new")[0][4:] == ["-", "65.00 ± 5.00", "-", "-", "2"]


def test_base_and_new_of_different_seeds_have_no_h_of_seeds(write_run, rows):
    write_run(80, classes="base", seed=1)
    write_run(60, classes="new", seed=2)
    assert rows("base2new")[0][4:] == ["80.00", "60.00", "-", "68.57", "base 1, new 1, H 0"]


def test_averages_and_what_is_missing(write_run, rows, tmp_path):
    """H of the row Average is the mean of the datasets' H, H of means is of the averages."""
    for dataset, base, new in (("EuroSAT", 90, 60), ("Digits", 60, 90), ("ImageNet", 80, 80)):
        write_pairs(write_run, [base], [new], dataset=dataset)
        if dataset != "Digits":
            write_pairs(write_run, [base], [new], dataset=dataset, method="CoOp")
    found = rows("base2new")
    assert [row[0] for row in found] == [
        *("ImageNet", "ImageNet", "EuroSAT", "EuroSAT", "Digits", "Digits"),
        *("Average (2 of 3)", "Average (3)"),
    ]
    assert found[4] == ["Digits", "CoOp", "main_K24", "16", "-", "-", "-", "-", "0"]
    assert found[-1][4:] == ["76.67", "76.67", "74.67", "76.67", "1"]
    assert found[-2][4:] == ["85.00", "70.00", "76.00", "76.77", "1"]


def test_an_average_is_never_of_other_datasets_for_base_than_for_new(write_run, rows):
    write_pairs(write_run, [90], [60], dataset="EuroSAT")
    write_pairs(write_run, [80], [70], dataset="DTD")
    write_pairs(write_run, [10], [], dataset="UCF101")
    assert rows("base2new")[-1][:6] == [
        *("Average (2 of 3)", "RPO", "main_K24", "16", "85.00", "65.00")
    ]


def test_an_average_of_half_of_the_datasets_is_missing(write_run, rows):
    write_pairs(write_run, [90], [60], dataset="EuroSAT")
    write_pairs(write_run, [80], [], dataset="DTD")
    assert rows("base2new")[-1][4:] == ["85.00", "-", "-", "-", "1"]


def test_configs_of_different_datasets_share_an_average(write_run, rows):
    write_run(90, dataset="ImageNet", method="CoOp", folder="a/vit_b16_ep50/seed1")
    write_run(80, dataset="EuroSAT", method="CoOp", folder="b/vit_b16/seed1")
    assert rows("base2new")[-1][:5] == ["Average (2)", "CoOp", "several", "16", "85.00"]


def test_rival_configs_have_an_average_each(write_run, rows):
    for config, accuracy in (("a", 90), ("b", 70)):
        for dataset in ("ImageNet", "EuroSAT"):
            write_run(accuracy, dataset=dataset, folder=f"{dataset}/{config}/seed1")
    assert [row[2:5] for row in rows("base2new")[-2:]] == [
        ["a", "16", "90.00"],
        ["b", "16", "70.00"],
    ]


def test_transfer(write_run, rows):
    source = {"dataset": "ImageNet", "classes": "all", "shots": 16, "seed": 1}
    for seed in (1, 2):
        write_run(70 + seed, dataset="ImageNet", classes="all", seed=seed)
        for dataset in ("EuroSAT", "ImageNetV2", "ImageNetA"):
            accuracy = 40 if dataset == "ImageNetA" else 60 + seed
            write_run(accuracy, dataset=dataset, classes="all", seed=seed, trained_on=source)
    zero_shot = {"method": "ZeroshotCLIP", "classes": "all", "seed": -1, "shots": -1}
    write_run(66, dataset="ImageNet", **zero_shot)
    write_run(60, dataset="ImageNetV2", **zero_shot)
    assert rows("transfer") == [
        ["RPO", "main_K24", "16", "71.50 ± 0.50", "61.50 ± 0.50", "61.50", "1 of 1", "2"],
    ]
    assert rows("transfer", 1) == [
        ["ZeroshotCLIP", "vit_b16", "-", "66.00", "60.00", "-", "60.00", "1 of 2", "1"],
        ["RPO", "main_K24", "16", "71.50 ± 0.50", "61.50 ± 0.50", "40.00 ± 0.00", "50.75",
         "2 of 2", "2"],
    ]  # fmt: skip


def test_shots(write_run, rows):
    """The average is missing where not every dataset was run."""
    for dataset in ("EuroSAT", "DTD"):
        for shots in (1, 16):
            write_run(50 + shots, classes="all", shots=shots, dataset=dataset)
    write_run(55, classes="all", shots=4)
    write_run(52, method="ZeroshotCLIP", classes="all", seed=-1, shots=-1)
    write_run(99, classes="base", shots=16)
    assert rows("shots") == [
        ["EuroSAT", "all", "ZeroshotCLIP", "vit_b16", "52.00", "-", "-", "-"],
        ["EuroSAT", "all", "RPO", "main_K24", "-", "51.00", "55.00", "66.00"],
        ["DTD", "all", "RPO", "main_K24", "-", "51.00", "-", "66.00"],
        ["Average (2)", "all", "RPO", "main_K24", "-", "51.00", "-", "66.00"],
    ]


def test_a_dataset_with_one_number_of_shots_is_in_curves_and_average(write_run, read_frame, rows):
    for dataset, shots in (("EuroSAT", 1), ("EuroSAT", 16), ("DTD", 16)):
        write_run(50 + shots, classes="all", shots=shots, dataset=dataset)
    write_run(60, classes="all", shots=16, method="CoOp")
    assert rows("shots") == [
        ["EuroSAT", "all", "CoOp", "main_K24", "-", "60.00"],
        ["EuroSAT", "all", "RPO", "main_K24", "51.00", "66.00"],
        ["DTD", "all", "RPO", "main_K24", "-", "66.00"],
        ["Average (2)", "all", "RPO", "main_K24", "-", "66.00"],
    ]
    panels = over_shots(read_frame())
    assert [panel.title for panel in panels] == ["EuroSAT", "DTD"]
    (average,) = averages_over_shots(panels)
    assert [series.method for series in average.curves] == ["RPO"]
    assert [series.method for series in average.left_out] == ["CoOp"]


def test_an_average_over_fewer_datasets_says_which_it_lacks(write_run, read_frame):
    for dataset in ("ImageNet", "EuroSAT", "Digits"):
        write_pairs(write_run, [80], [80], dataset=dataset)
        if dataset != "Digits":
            write_pairs(write_run, [80], [80], dataset=dataset, method="CoOp")
    (table,) = build_tables(read_frame(), ["base2new"])
    said = "Averages over fewer datasets: CoOp main_K24 is without Digits."
    assert said in table.notes


def test_chosen_seeds_and_decimals(write_run, write_log, tmp_path, capsys):
    for seed, accuracy in ((1, 80.06), (2, 80.14), (3, 99.0)):
        write_run(accuracy, seed=seed)
    write_run(50, method="ZeroshotCLIP", seed=-1, shots=-1)
    command = ["report", str(tmp_path), "--table", "base2new", "--format", "csv"]
    assert main([*command, "--seeds", "1", "2", "--decimals", "1"]) == 0
    printed = capsys.readouterr().out
    assert "EuroSAT,RPO,main_K24,16,80.10,0.00," in printed and "ZeroshotCLIP" in printed
    assert main([*command, "--seeds", "7"]) == 2  # although zero-shot CLIP fits all seeds
    assert "no run has the seed 7; there are 1, 2, 3" in capsys.readouterr().err


def test_what_learns_nothing_fits_every_seed(write_run, tmp_path):
    write_run(50, method="ZeroshotCLIP", seed=-1, shots=-1)
    assert main(["report", str(tmp_path), "--table", "base2new", "--seeds", "7"]) == 0


def test_seeds(write_run, rows):
    for seed, accuracy in ((1, 60), (2, 62), (10, 64)):
        write_run(accuracy, seed=seed)
    write_run(70, classes="new", seed=1)
    assert rows("seeds") == [
        ["EuroSAT", "base", "RPO", "main_K24", "16", "60.00", "62.00", "64.00"]
        + ["62.00", "1.63", "4.97", "60.00", "64.00", "3"]
    ]


def test_a_single_class_is_told_of(write_run, tmp_path, capsys):
    """As the new one of three."""
    write_run(80, classes="base", class_names=["cat", "dog"])
    write_run(100, classes="new", class_names=["fox"])
    write_run(60, dataset="DTD", classes="new", class_names=["dotted", "woven"])
    assert main(["report", str(tmp_path), "--table", "base2new"]) == 0
    said = capsys.readouterr().out
    assert said.count("a single class") == 1
    assert "EuroSAT, new: a single class, which is always right." in said


def test_cost(write_run, rows):
    """Each seed counts once: the first needs 7.5 ms an image, the mean of 5 and 10."""
    common = {"learnt_parameters": 30720, "device": "cpu", "images": {"test": 200}}
    write_run(80, seconds={"train": 10, "test": 1}, peak_mb=500.0, **common)
    write_run(80, seconds={"train": 14, "test": 1}, peak_mb=600.0, seed=2, **common)
    write_run(70, seconds={"test": 2}, classes="new", **common)
    write_run(70, dataset="DTD")
    assert rows("cost") == [
        ["EuroSAT", "RPO", "main_K24", "16", "30720", "12.00 ± 2.00", "6.25 ± 1.25", "600.00"]
        + ["cpu", "3"]
    ]


def test_trainings_on_all_classes_and_on_half_are_no_mean(write_run, rows):
    for classes, seconds, parameters in (("all", 8.0, 20), ("base", 4.0, 10)):
        folder = f"output/{classes}/main_K24/seed1"
        write_run(
            80, folder, classes=classes, seconds={"train": seconds}, learnt_parameters=parameters
        )
    write_run(70, classes="new", seconds={"test": 2}, images={"test": 200}, learnt_parameters=10)
    assert [row[2:6] for row in rows("cost")] == [
        ["main_K24, all classes", "16", "20", "8.00"],
        ["main_K24, half of them", "16", "10", "4.00"],
    ]


def test_two_evaluations_of_one_seed_are_no_spread(write_run, rows):
    for classes, seconds in (("base", 1.0), ("new", 3.0)):
        write_run(80, classes=classes, seconds={"test": seconds}, images={"test": 100})
    assert rows("cost")[0][6] == "20.00"


def test_results_without_the_newer_fields_have_a_cost(write_run, rows):
    write_run(80, seconds={"test": 1.0}, images={"test": 100})
    assert rows("cost")[0][4:] == ["-", "-", "10.00", "-", "-", "1"]


def test_a_single_run_on_all_classes_is_shown(write_run, rows):
    write_run(70, classes="all", method="ZeroshotCLIP", seed=-1, shots=-1)
    assert rows("seeds")[0][5:] == ["70.00", "70.00", "-", "-", "70.00", "70.00", "1"]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_without_its_runs_says_so(write_run, tmp_path, capsys, name):
    write_run(70, classes="all" if name == "base2new" else "base")
    assert main(["report", str(tmp_path), "--table", name]) == 2
    assert f"belongs into the table {name}, which is of {NEEDS[name]}" in capsys.readouterr().err


def test_a_table_without_runs_leaves_the_others(write_run, tmp_path, capsys):
    write_run(70, classes="all")
    assert main(["report", str(tmp_path), "--table", "shots", "seeds"]) == 0
    said = capsys.readouterr()
    assert (
        "70.00" in said.out and "note: none of the 1 runs belongs into the table shots" in said.err
    )


def test_targets_that_the_papers_have_and_the_table_has_not(write_run, read_frame):
    for target in ("ImageNetA", "ImageNetR"):
        write_run(70, dataset=target, classes="all", trained_on={"dataset": "ImageNet"})
    (table,) = build_tables(read_frame(), ["transfer"])
    assert "The papers average over 4 targets; not here: ImageNetV2, ImageNetSketch." in table.notes


def test_runs_that_belong_nowhere_are_an_error(write_run, tmp_path, capsys):
    write_run(70, trained_on={"dataset": "ImageNet"})
    assert main(["report", str(tmp_path)]) == 2
    assert "none of the 1 runs" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["base2new", "seeds", "cost"])
def test_a_table_says_which_clip_it_is_of(write_run, read_frame, name):
    changes = {"seconds": {"train": 1.0}, "config": {"TRAINER": {"NAME": "RPO"}}}
    for seed in (1, 2):
        write_run(80, seed=seed, backbone="ViT-B/16", **changes)
    (table,) = build_tables(read_frame(), [name])
    assert "Backbone: ViT-B/16." in table.notes
    for seed in (1, 2):
        write_run(70, seed=seed, backbone="RN50", method="CoOp", **changes)
    (table,) = build_tables(read_frame(), [name])
    said = "NOT ONE BACKBONE: RN50: CoOp main_K24; ViT-B/16: RPO main_K24."
    assert said in table.notes


def test_a_table_says_where_shots_are_more_than_images(write_run, read_frame):
    said = "2 of 5 classes have fewer than 16 images (3 to 9): all of theirs are used"
    for classes, told in (("base", said), ("new", "of images that were not learnt")):
        trained = {"seconds": {"train": 1.0}} if classes == "base" else {}
        write_run(80, classes=classes, data={"fewer_images": told}, **trained)
    (table,) = build_tables(read_frame(), ["base2new"])
    assert [note for note in table.notes if "16 shots" in note] == [f"EuroSAT, 16 shots: {said}."]


def test_logs_are_marked(write_run, write_log, read_frame):
    write_run(80, classes="base")
    path = "output/test_new/caltech101/shots_16/RPO/main_K24/seed"
    write_log(f"{path}1", 94.4)
    write_log(f"{path}2", 94.4, seed=2, counts=False)
    (table,) = build_tables(read_frame(), ["base2new"])
    assert "1 of 3 accuracies were read from log.txt, which has one decimal: RPO main_K24." in (
        table.notes
    )
    assert any("1 of 3 accuracies were computed from log.txt" in note for note in table.notes)
