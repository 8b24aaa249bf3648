"""Runs are found, read and counted once, whoever wrote them."""

import subprocess
import sys

import pytest

from rpo.report.records import read_records

RPO_NEW = "output/rpo/base2new/test_new/caltech101/shots_16/RPO/main_K24/seed2"
COOP_BASE = "output/base2new/train_base/dtd/shots_4/CoOp/vit_b16_ep50_ctxv1/seed3"


def test_results_json(tmp_path, write_run):
    folder = write_run(91.23456, classes="new", seed=3)
    (record,) = read_records([tmp_path])
    assert record[:7] == ("EuroSAT", "RPO", "main_K24", 16, "new", 3, 91.23456)
    assert (record.trained_on, record.decimals) == ("EuroSAT", None)
    assert record.path == folder / "results.json" and record.content["backbone"] == "ViT-B/16"
    assert read_records([folder / "results.json"]) == [record]


def test_the_config_of_the_folder_that_one_stands_in(write_run, monkeypatch):
    monkeypatch.chdir(write_run(80))
    assert [record.config for record in read_records(["."])] == ["main_K24"]


def test_transfer(tmp_path, write_run):
    source = {"dataset": "ImageNet", "classes": "all", "shots": 16, "seed": 1}
    write_run(60, dataset="ImageNetV2", classes="all", shots=-1, trained_on=source)
    (record,) = read_records([tmp_path])
    assert (record.dataset, record.trained_on, record.shots) == ("ImageNetV2", "ImageNet", 16)


@pytest.mark.parametrize("head", [True, False])
def test_log_of_an_original_program(tmp_path, write_log, head):
    path = write_log(RPO_NEW, 94.4, head=head, seed=2)
    (record,) = read_records([tmp_path])
    assert record[:7] == ("Caltech101", "RPO", "main_K24", 16, "new", 2, 94.4)
    assert (record.decimals, record.path, record.content) == (1, path, {})


def test_log_that_only_its_folder_tells(tmp_path, write_log):
    write_log(COOP_BASE, 70.0, head=False)
    (record,) = read_records([tmp_path])
    assert record[:6] == ("DescribableTextures", "CoOp", "vit_b16_ep50_ctxv1", 4, "base", 3)


def test_log_of_a_transfer(tmp_path, write_log):
    config = "vit_b16_c4_ep10_batch1_ctxv1"
    write_log(
        f"output/evaluation/CoCoOp/{config}_16shots/dtd/seed1",
        45.7,
        dataset="DescribableTextures",
        method="CoCoOp",
        classes="all",
        shots=-1,
        eval_only=True,
        model_dir=f"output/imagenet/CoCoOp/{config}_16shots/seed1",
    )
    (record,) = read_records([tmp_path])
    assert record[:5] == ("DescribableTextures", "CoCoOp", config, 16, "all")
    assert record.trained_on == "ImageNet"


def test_the_newest_log_counts(tmp_path, write_log, capsys):
    write_log(RPO_NEW, 90.0)
    write_log(RPO_NEW, 94.4, name="log.txt-2023-08-01-10-00-00")
    (record,) = read_records([tmp_path])
    assert record.accuracy == 94.4
    assert "had a rerun, which counts: log.txt-2023-08-01-10-00-00" in capsys.readouterr().err


def test_validation_is_no_test(tmp_path, write_log, write_run, capsys):
    write_run(80)
    write_log(RPO_NEW, 94.4, split="val")
    assert [record.accuracy for record in read_records([tmp_path])] == [80]
    assert "no accuracy on the test set" in capsys.readouterr().err


def test_results_json_is_preferred_to_the_log(tmp_path, write_run, write_log):
    write_run(94.43, folder=RPO_NEW, dataset="Caltech101", classes="new", seed=2)
    write_log(RPO_NEW, 94.4, seed=2)
    assert [record.accuracy for record in read_records([tmp_path])] == [94.43]


@pytest.mark.parametrize(("other", "said"), [(80.001, False), (81.0, True)])
def test_the_same_run_twice(tmp_path, write_run, capsys, other, said):
    write_run(80.0, folder="a/train_base/main_K24/seed1")
    write_run(other, folder="b/test_base/main_K24/seed1")
    assert [record.accuracy for record in read_records([tmp_path])] == [80.0]
    assert ("the same run twice" in capsys.readouterr().err) == said


def test_of_equal_runs_the_one_that_trained_counts(tmp_path, write_run):
    write_run(80.0, folder="a/test_base/main_K24/seed1", seconds={"test": 1.0})
    trained = write_run(80.0, folder="a/train_base/main_K24/seed1", seconds={"train": 9.0})
    assert [record.path.parent for record in read_records([tmp_path])] == [trained]


@pytest.mark.parametrize(("accuracy", "said"), [(94.44, False), (94.46, True)])
def test_a_log_differs_by_more_than_its_decimal(
    tmp_path, write_run, write_log, capsys, accuracy, said
):
    write_log(RPO_NEW, 94.4, seed=2)
    write_run(accuracy, folder="z/main_K24/seed2", dataset="Caltech101", classes="new", seed=2)
    read_records([tmp_path])
    assert ("the same run twice" in capsys.readouterr().err) == said


def test_full_precision_wins_over_a_log(tmp_path, write_run, write_log, capsys):
    write_log(RPO_NEW, 94.4, seed=2)
    write_run(94.44, folder="z/main_K24/seed2", dataset="Caltech101", classes="new", seed=2)
    assert [record.accuracy for record in read_records([tmp_path])] == [94.44]
    assert capsys.readouterr().err == ""


BROKEN = {
    "cut short": ('{"method": "RP', "no complete JSON"),
    "another schema": ('{"accuracy": 3}', "it lacks 'metrics'"),
    "a list": ("[1, 2]", "list"),
    "odd seconds": (
        '{"metrics": {"test": {"accuracy": 1}}, "shots": 1, "seconds": 3}',
        "its 'seconds' is no mapping",
    ),
    "no number": ('{"metrics": {"test": {"accuracy": "high"}}, "shots": 1}', "high"),
    "not finite": (
        '{"metrics": {"test": {"accuracy": NaN}}, "shots": 1}',
        "nan is not a percentage",
    ),
    "never tested": ('{"metrics": {}, "shots": 1}', "no accuracy on the test set"),
}


@pytest.mark.parametrize("text, reason", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_and_skipped(tmp_path, write_run, capsys, text, reason):
    write_run(80)
    broken = tmp_path / "output" / "broken"
    broken.mkdir()
    (broken / "results.json").write_text(text)
    assert len(read_records([tmp_path])) == 1
    said = capsys.readouterr().err
    assert f"{broken / 'results.json'} is skipped" in said and reason in said


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no results.json and no log.txt in or below"):
        read_records([tmp_path])
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read_records([tmp_path / "nowhere"])


def test_it_starts_without_torch():
    modules = "rpo.commands.report, rpo.commands.compare, rpo.report.parse_test_res"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
