"""Runs that differ in more than seed and paths are never averaged."""

import pytest

from rpo.cli import main
from rpo.report.experiments import _told_apart, acting
from rpo.report.tables import build_tables

PLAIN = {
    "SEED": 1,
    "OUTPUT_DIR": "a",
    "DATASET": {"ROOT": "/data", "NUM_SHOTS": 16, "SUBSAMPLE_CLASSES": "base", "PROMPT": "a _."},
    "DATALOADER": {"NUM_WORKERS": 4},
    "OPTIM": {"MAX_EPOCH": 3, "LR": 0.01},
    "TRAIN": {"PRINT_FREQ": 5, "CHECKPOINT_FREQ": 1},
    "TRAINER": {"NAME": "RPO", "RPO": {"K": 4, "PREC": "fp32"}, "COOP": {"N_CTX": 16}},
}


def config(**changes):
    """PLAIN with other values of keys, dots written as two underscores."""
    found = {key: dict(value) if isinstance(value, dict) else value for key, value in PLAIN.items()}
    found["TRAINER"]["RPO"] = dict(found["TRAINER"]["RPO"])
    found["TRAINER"]["COOP"] = dict(found["TRAINER"]["COOP"])
    for name, value in changes.items():
        *parents, last = name.split("__")
        node = found
        for parent in parents:
            node = node[parent]
        node[last] = value
    return found


@pytest.fixture
def write_configs(write_run):
    """A function that writes a trained run, of the seeds 1, 2, ..., for each configuration."""

    def write(*configs, **changes):
        for seed, one in enumerate(configs, start=1):
            seconds = {"train": 9.0, "test": 1.0}
            write_run(50 + 10 * seed, seed=seed, config=one, seconds=seconds, **changes)

    return write


def names(frame):
    return [(run.config, run.seed) for run in frame.itertuples()]


def test_runs_of_other_settings_are_rows_of_their_own(write_configs, read_frame):
    """K 8 for one epoch and K 4 for three were one row of two seeds."""
    write_configs(config(TRAINER__RPO__K=8, OPTIM__MAX_EPOCH=1), config())
    assert names(read_frame()) == [
        ("main_K24 (K 4, MAX_EPOCH 3)", 2),
        ("main_K24 (K 8, MAX_EPOCH 1)", 1),
    ]
    (table,) = build_tables(read_frame(), ["base2new"])
    assert [(row[2], row[4].n) for row in table.rows] == [
        ("main_K24 (K 4, MAX_EPOCH 3)", 1),
        ("main_K24 (K 8, MAX_EPOCH 1)", 1),
    ]


def test_they_are_apart_in_compare_figures_and_page_too(write_configs, tmp_path, capsys):
    write_configs(config(TRAINER__RPO__K=8), config())
    options = ("--html", str(tmp_path / "page.html"), "--figures", str(tmp_path / "figures"))
    assert main(["compare", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "main_K24 (K 4)" in said and "main_K24 (K 8)" in said
    assert main(["report", str(tmp_path), *options]) == 0
    page = (tmp_path / "page.html").read_text()
    for name in ("eurosat-rpo-main-k24-k-4-shots-16", "eurosat-rpo-main-k24-k-8-shots-16"):
        assert f'id="{name}"' in page


@pytest.mark.parametrize(
    "changes",
    [
        {"SEED": 2, "OUTPUT_DIR": "b"},
        {"DATASET__ROOT": "/other", "DATALOADER__NUM_WORKERS": 0},
        {"TRAIN__PRINT_FREQ": 50, "TRAIN__CHECKPOINT_FREQ": 0},
        {"TRAINER__COOP__N_CTX": 4},
        {"TRAINER__RPO__COMPILE": "default", "TRAINER__RPO__FORM": "masked"},
        {"DATASET__A_NEW_KEY": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_does_not_act_is_no_difference(write_configs, read_frame, changes):
    write_configs(config(), config(**changes))
    assert names(read_frame()) == [("main_K24", 1), ("main_K24", 2)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"OPTIM__LR": 0.02}, "LR 0.02"),
        ({"TRAINER__RPO__PREC": "amp"}, "PREC amp"),
        ({"DATASET__PROMPT": "one _."}, "PROMPT one _."),
    ],
    ids=lambda value: str(value),
)
def test_what_acts_is_one(write_configs, read_frame, changes, said):
    write_configs(config(), config(**changes))
    assert f"main_K24 ({said})" in dict(names(read_frame()))


def test_what_one_of_two_does_not_state_is_no_difference(write_configs, read_frame):
    older = config()
    del older["TRAINER"]["RPO"]["PREC"]
    write_configs(config(), older)
    assert {name for name, _ in names(read_frame())} == {"main_K24"}


def test_a_dataset_has_settings_of_its_own(write_run, read_frame):
    write_run(80, config=config(DATASET__PROMPT="a satellite photo of _."))
    write_run(80, config=config(), dataset="DTD")
    assert {name for name, _ in names(read_frame())} == {"main_K24"}
    (table,) = build_tables(read_frame(), ["base2new"])
    assert table.rows[-1][0] == "Average (2)"


def test_other_settings_on_another_dataset_are_not_averaged(write_run, read_frame):
    write_run(80, config=config(TRAINER__RPO__K=8))
    write_run(80, config=config(), dataset="DTD")
    (table,) = build_tables(read_frame(), ["base2new"])
    assert [row[:3] for row in table.rows if row[-1] != "0"] == [
        ("EuroSAT", "RPO", "main_K24 (K 8)"),
        ("DTD", "RPO", "main_K24 (K 4)"),
    ]


def test_an_evaluation_is_of_the_model_that_it_evaluates(write_run, read_frame):
    """Whatever it states of the training: the same script with and without OPTIM.LR."""
    for seed, rate in ((1, 0.01), (2, 0.02)):
        one = config(OPTIM__LR=rate)
        write_run(80, seed=seed, config=one, seconds={"train": 1.0}, folder=f"a/main/seed{seed}")
        write_run(60, seed=seed, config=config(), classes="new", folder=f"b/main/seed{seed}")
    frame = read_frame()
    assert sorted((run.config, run.classes, run.seed) for run in frame.itertuples()) == [
        ("main (LR 0.01)", "base", 1),
        ("main (LR 0.01)", "new", 1),
        ("main (LR 0.02)", "base", 2),
        ("main (LR 0.02)", "new", 2),
    ]


def test_many_keys_are_told_as_far_as_it_takes():
    """Four keys, unless they leave two runs with one name."""
    first = {f"KEY{n}": 0 for n in range(6)}
    same_start = {**first, "KEY5": 1}
    found = [acting({"OPTIM": one}, "RPO") for one in (first, {**first, "KEY0": 1}, same_start)]
    texts = _told_apart(found, [f"OPTIM.KEY{n}" for n in range(6)])
    assert len(set(texts)) == 3 and texts[0].startswith(" (KEY0 0, KEY1 0")


def test_the_printed_configuration_of_a_log_counts(write_log, read_frame):
    write_log("a/main_K24/seed1", 80.0)
    log = write_log("a/main_K24/seed2", 82.0, seed=2)
    log.write_text(log.read_text().replace("K: 24", "K: 4"))
    assert names(read_frame()) == [("main_K24 (K 24)", 1), ("main_K24 (K 4)", 2)]


def test_a_log_and_a_results_json_agree_in_what_both_state(write_log, write_run, read_frame):
    """A log prints tuples, JSON has lists."""
    log = write_log("a/main/seed1", 80.0, dataset="EuroSAT", classes="base")
    log.write_text(log.read_text().replace("DATASET:", "INPUT:\n  SIZE: (224, 224)\nDATASET:"))
    both = {"INPUT": {"SIZE": [224, 224]}, "TRAINER": {"RPO": {"K": 24}}}
    write_run(82, seed=2, config=both, folder="a/main/seed2")
    assert names(read_frame()) == [("main", 1), ("main", 2)]


@pytest.mark.parametrize("stated", [True, False])
def test_a_curve_does_not_join_models_that_differ(write_run, read_frame, stated):
    """K = 4 at one shot and K = 24 at 16 are no curve, whether configs state it or not."""
    for shots, k in ((1, 4), (2, 4), (16, 24)):
        folder = f"s{shots}/main_K{k}/seed1"
        more = {"config": config(TRAINER__RPO__K=k)} if stated else {}
        write_run(50 + shots, classes="all", shots=shots, folder=folder, **more)
    (table,) = build_tables(read_frame(), ["shots"])
    cells = [(row[3], *(cell and cell.mean for cell in row[4:])) for row in table.rows]
    assert cells == [("main_K24", None, None, 66), ("main_K4", 51, 52, None)]


def test_a_curve_joins_schedules_of_one_model(write_run, read_frame):
    """As CoOp's, which trains longer at more shots."""
    for shots, epochs in ((1, 50), (16, 200)):
        one = config(OPTIM__MAX_EPOCH=epochs)
        folder = f"s{shots}/ep{epochs}/seed1"
        write_run(50 + shots, classes="all", shots=shots, folder=folder, config=one)
    (table,) = build_tables(read_frame(), ["shots"])
    assert [(row[3], row[4].mean, row[5].mean) for row in table.rows] == [("several", 51, 66)]


def test_other_backbones_are_not_averaged(write_run, read_frame):
    write_run(80, dataset="EuroSAT", folder="a/vit_b16/seed1")
    write_run(60, dataset="DTD", folder="b/rn50/seed1", backbone="RN50")
    (table,) = build_tables(read_frame(), ["base2new"])
    assert not any(row[0].startswith("Average") for row in table.rows)
