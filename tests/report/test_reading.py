"""Runs are found, read and counted once, whoever wrote them."""

import shutil
import subprocess
import sys

import pytest

from rpo.report.reading import read_runs
from rpo.runs import RunFolder, note_failure

FIELDS = ("dataset", "method", "folder", "shots", "classes", "seed", "accuracy")
RPO_NEW = "output/rpo/base2new/test_new/caltech101/shots_16/RPO/main_K24/seed2"
COOP_BASE = "output/base2new/train_base/dtd/shots_4/CoOp/vit_b16_ep50_ctxv1/seed3"


def read(folders):
    return [run for _, run in read_runs(folders).runs]


def told(run):
    return tuple(getattr(run, name) for name in FIELDS)


def test_results_json(tmp_path, write_run):
    folder = write_run(91.23456, classes="new", seed=3)
    (run,) = read([tmp_path])
    assert told(run) == ("EuroSAT", "RPO", "main_K24", 16, "new", 3, 91.23456)
    assert (run.trained_on, run.rounded, run.backbone) == ("EuroSAT", False, "ViT-B/16")
    assert run.path == folder / "results.json" and run.content["backbone"] == "ViT-B/16"
    assert read([folder / "results.json"]) == [run]


def test_what_is_skipped_for_one_reason_is_said_at_once(write_run, tmp_path, capsys):
    """As all runs of a tuning on validation images are."""
    tuned = {"metrics": {"val": {"accuracy": 50.0}}}
    folders = sorted(str(write_run(0, seed=seed, **tuned)) for seed in range(5))
    with pytest.raises(FileNotFoundError, match="no finished run"):
        read([tmp_path])
    (said,) = capsys.readouterr().err.splitlines()
    named = ", ".join(f"{folder}/results.json" for folder in folders[:3])
    assert said.startswith(f"note: {named} and 2 more are skipped: it has no accuracy on the test")
    assert len(read_runs([tmp_path], split="val").runs) == 5


def test_the_config_of_the_folder_that_one_stands_in(write_run, monkeypatch):
    monkeypatch.chdir(write_run(80))
    assert [run.folder for run in read(["."])] == ["main_K24"]


def test_transfer(tmp_path, write_run):
    source = {"dataset": "ImageNet", "classes": "all", "shots": 16, "seed": 1}
    write_run(60, dataset="ImageNetV2", classes="all", shots=-1, trained_on=source)
    (run,) = read([tmp_path])
    assert (run.dataset, run.trained_on, run.shots) == ("ImageNetV2", "ImageNet", 16)


@pytest.mark.parametrize("head", [True, False])
def test_log_of_an_original_program(tmp_path, write_log, head):
    path = write_log(RPO_NEW, 94.4, head=head, seed=2)
    (run,) = read([tmp_path])
    assert told(run) == ("Caltech101", "RPO", "main_K24", 16, "new", 2, 94.4)
    assert (run.rounded, run.images, run.path, run.content) == (False, 1000, path, {})


def test_a_log_gives_full_precision_by_its_counts(tmp_path, write_log):
    """2,565 of 3,900 is 65.769 %, which the log prints as 65.8 %."""
    log = write_log(RPO_NEW, 100 * 2565 / 3900, total=3900)
    assert "* accuracy: 65.8%" in log.read_text() and "* correct: 2,565" in log.read_text()
    (run,) = read([tmp_path])
    assert run.accuracy == 100 * 2565 / 3900 and not run.rounded


@pytest.mark.parametrize("counts", ["", "* correct: 10\n", "* correct: 99,999\n"])
def test_counts_that_are_absent_or_do_not_fit_leave_one_decimal(tmp_path, write_log, counts):
    log = write_log(RPO_NEW, 94.4)
    log.write_text(log.read_text().replace("* correct: 944\n", counts))
    (run,) = read([tmp_path])
    assert (run.accuracy, run.rounded) == (94.4, True)


def test_log_that_only_its_folder_tells(tmp_path, write_log):
    write_log(COOP_BASE, 70.0, head=False)
    (run,) = read([tmp_path])
    assert told(run)[:6] == ("DescribableTextures", "CoOp", "vit_b16_ep50_ctxv1", 4, "base", 3)


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
    (run,) = read([tmp_path])
    assert told(run)[:5] == ("DescribableTextures", "CoCoOp", config, 16, "all")
    assert run.trained_on == "ImageNet" and not run.trained


def test_the_newest_log_counts(tmp_path, write_log, capsys):
    write_log(RPO_NEW, 90.0)
    write_log(RPO_NEW, 94.4, name="log.txt-2023-08-01-10-00-00")
    (run,) = read([tmp_path])
    assert run.accuracy == 94.4
    assert "had a rerun, which counts: log.txt-2023-08-01-10-00-00" in capsys.readouterr().err


def test_a_rerun_that_was_stopped_does_not_hide_the_result(tmp_path, write_log, capsys):
    write_log(RPO_NEW, 94.4)
    write_log(RPO_NEW, None, name="log.txt-2023-08-01-10-00-00")
    (run,) = read([tmp_path])
    assert run.accuracy == 94.4 and run.path.name == "log.txt"
    said = capsys.readouterr().err
    assert "log.txt-2023-08-01-10-00-00 has no result (was it stopped?); log.txt counts" in said


def test_of_reruns_the_newest_with_a_result_counts(tmp_path, write_log):
    write_log(RPO_NEW, 90.0)
    for name, accuracy in (("2023-08-01", 91.0), ("2023-08-02", 92.0), ("2023-08-03", None)):
        write_log(RPO_NEW, accuracy, name=f"log.txt-{name}-10-00-00")
    assert [run.accuracy for run in read([tmp_path])] == [92.0]


def test_a_copy_that_an_editor_left_is_no_rerun(tmp_path, write_log, capsys):
    write_log(RPO_NEW, 94.4)
    write_log(RPO_NEW, 10.0, name="log.txt~")
    assert [run.accuracy for run in read([tmp_path])] == [94.4]
    assert capsys.readouterr().err == ""


def test_a_rerun_is_found_without_the_first_log(tmp_path, write_log):
    write_log(RPO_NEW, 94.4, name="log.txt-2023-08-01-10-00-00")
    assert [run.accuracy for run in read([tmp_path])] == [94.4]


def test_validation_is_no_test(tmp_path, write_log, write_run, capsys):
    write_run(80)
    write_log(RPO_NEW, 94.4, split="val")
    assert [run.accuracy for run in read([tmp_path])] == [80]
    assert "no accuracy on the test set" in capsys.readouterr().err


def test_results_json_is_preferred_to_the_log(tmp_path, write_run, write_log):
    write_run(94.43, folder=RPO_NEW, dataset="Caltech101", classes="new", seed=2)
    write_log(RPO_NEW, 94.4, seed=2)
    assert [run.accuracy for run in read([tmp_path])] == [94.43]


@pytest.mark.parametrize(("other", "said"), [(80.001, False), (81.0, True)])
def test_the_same_run_twice(tmp_path, write_run, capsys, other, said):
    write_run(80.0, folder="a/train_base/main_K24/seed1")
    write_run(other, folder="b/test_base/main_K24/seed1")
    assert [run.accuracy for run in read([tmp_path])] == [80.0]
    assert ("the same run twice" in capsys.readouterr().err) == said


def test_of_equal_runs_the_one_that_trained_counts(tmp_path, write_run):
    write_run(80.0, folder="a/test_base/main_K24/seed1", seconds={"test": 1.0})
    trained = write_run(80.0, folder="a/train_base/main_K24/seed1", seconds={"train": 9.0})
    assert [run.path.parent for run in read([tmp_path])] == [trained]


@pytest.mark.parametrize(("accuracy", "said"), [(94.44, False), (94.46, True)])
def test_a_log_differs_by_more_than_its_decimal(
    tmp_path, write_run, write_log, capsys, accuracy, said
):
    write_log(RPO_NEW, 94.4, seed=2, counts=False)
    write_run(accuracy, folder="z/main_K24/seed2", dataset="Caltech101", classes="new", seed=2)
    read([tmp_path])
    assert ("the same run twice" in capsys.readouterr().err) == said


def test_full_precision_wins_over_a_log(tmp_path, write_run, write_log, capsys):
    write_log(RPO_NEW, 94.4, seed=2, counts=False)
    write_run(94.44, folder="z/main_K24/seed2", dataset="Caltech101", classes="new", seed=2)
    assert [run.accuracy for run in read([tmp_path])] == [94.44]
    assert capsys.readouterr().err == ""


def test_other_weights_of_the_same_name_are_never_averaged(tmp_path, write_run):
    write_run(80, seed=1, sha256={"backbone": "a" * 64})
    write_run(90, seed=2, sha256={"backbone": "a" * 64})
    write_run(20, seed=3, sha256={"backbone": "b" * 64})
    named = [run.backbone for run in read([tmp_path])]
    assert named == ["ViT-B/16 (aaaaaaaa)"] * 2 + ["ViT-B/16 (bbbbbbbb)"]


def test_what_is_not_of_a_whole_training_is_named(tmp_path, write_run):
    for seed, more in enumerate(({"epoch": 2}, {"parameters_in": None}, {"parameters_in": "."})):
        write_run(50.0, seed=seed, **more)
    names = [config for config, _ in read_runs([tmp_path]).runs]
    assert [name.partition(" ")[2] for name in names] == ["(epoch 2)", "(untrained)", ""]
    write_run(50.0, method="ZeroshotCLIP", parameters_in=None)
    assert sum("untrained" in config for config, _ in read_runs([tmp_path]).runs) == 1


def test_a_result_of_a_later_version_is_skipped(write_run, tmp_path, capsys):
    write_run(80, version=1)
    write_run(70, seed=2, version=2)
    assert [run.accuracy for run in read([tmp_path])] == [80]
    assert "its version is 2, not 1, which this program knows" in capsys.readouterr().err


def test_runs_by_other_workers_are_not_averaged(write_run, tmp_path):
    for seed, workers, streams in ((1, 0, 0), (2, 2, 0), (3, 0, 8), (4, 2, 8)):
        loader = {"STREAMS": streams, "NUM_WORKERS": workers}
        write_run(80, seed=seed, config={"DATALOADER": loader, "TRAINER": {"NAME": "RPO"}})
    names = [config for config, _ in read_runs([tmp_path]).runs]
    assert len(set(names[:3])) == 3


def test_an_evaluation_inside_of_a_run_is_of_its_experiment(write_run, tmp_path, capsys):
    folder = write_run(80, folder="mine/RPO/base/seed1")
    (folder / "run.json").write_text("{}")
    write_run(70, folder="mine/RPO/base/seed1/test_new", classes="new")
    (tmp_path / "mine/link").symlink_to(folder)
    assert [run.folder for run in read([tmp_path])] == ["base", "base"]
    assert "mine/link is a link and is not followed: name it, too" in capsys.readouterr().err


def test_a_run_that_was_set_aside_is_none(tmp_path, write_run, capsys):
    folder = write_run(80)
    for name in (".previous", ".previous.moving"):
        (folder / name).mkdir()
        shutil.copy(folder / "results.json", folder / name)
    (folder / "results.json").write_text((folder / "results.json").read_text())
    assert [run.folder for run in read([tmp_path])] == ["main_K24"]
    said = capsys.readouterr().err
    assert said.count("is skipped: --overwrite has begun to replace it") == 2


def test_images_that_were_changed_are_never_averaged(tmp_path, write_run):
    """As those of a folder of one's own, or of another folder of the same name."""
    for seed, split in enumerate("aab", start=1):
        write_run(80, dataset="own", seed=seed, sha256={"split": split * 64})
    named = [name for name, _ in read_runs([tmp_path]).runs]
    assert named == [f"main_K24 (SPLIT_SHA256 {split * 8})" for split in "aab"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("the folder photos is empty.\nGive another", "it failed: the folder photos is empty."),
        ('File "a.py", line 3, in f\n    f()\nIndexError: 7', "it failed: IndexError: 7"),
        (None, "still running, or stopped"),
    ],
)
def test_a_run_that_failed_is_not_called_stopped(
    tmp_path, write_run, write_log, capsys, error, said
):
    write_run(80)
    log = write_log(RPO_NEW, None)
    if error:
        note_failure(RunFolder(log.parent), error)
    assert len(read([tmp_path])) == 1
    assert f"log.txt is skipped: {said}\n" in capsys.readouterr().err.replace(
        "no accuracy on the test set is in it: ", ""
    )


BROKEN = {
    "cut short": ('{"method": "RP', "no complete JSON"),
    "empty": ("", "no complete JSON"),
    "another schema": ('{"accuracy": 3}', "it lacks method"),
    "a list": ("[1, 2]", "it is [1, 2], not a mapping"),
    "not finite": ('{"metrics": {"test": {"accuracy": NaN}}}', "it holds NaN, which is no JSON"),
    "never tested": ('{"metrics": {}, "shots": 1}', "no accuracy on the test set"),
    "nested": ("[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("text, reason", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named_and_skipped(tmp_path, write_run, capsys, text, reason):
    write_run(80)
    broken = tmp_path / "output" / "broken"
    broken.mkdir()
    (broken / "results.json").write_text(text)
    found = read_runs([tmp_path])
    assert len(found.runs) == 1
    said = capsys.readouterr().err
    assert f"{broken / 'results.json'} is skipped" in said and reason in said


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no results.json and no log.txt in or below"):
        read([tmp_path])
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read([tmp_path / "nowhere"])


def test_it_starts_without_torch():
    modules = "rpo.commands.report, rpo.commands.compare, rpo.report.parse_test_res"
    code = f"import sys, {modules}; sys.exit(bool({{'torch', 'matplotlib'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
