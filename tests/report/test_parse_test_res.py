"""parse_test_res.py prints what Dassl's script of this name prints."""

import subprocess
import sys
from pathlib import Path

import pytest

from rpo.report.parse_test_res import main

SCRIPT = Path(__file__).parents[2] / "parse_test_res.py"


@pytest.fixture
def folder(tmp_path, write_log):
    """Three seeds of a training, sorted as the original sorts them: 10 before 2."""
    for seed, accuracy in ((1, 94.4), (2, 94.3), (10, 94.4)):
        write_log(f"exp/a/seed{seed}", accuracy)
    return tmp_path / "exp" / "a"


def test_it_prints_the_originals_lines(folder):
    done = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.splitlines() == [
        f"Parsing files in {folder}",
        f"file: {folder}/seed1/log.txt. accuracy: 94.40%. ",
        f"file: {folder}/seed10/log.txt. accuracy: 94.40%. ",
        f"file: {folder}/seed2/log.txt. accuracy: 94.30%. ",
        "===",
        f"Summary of directory: {folder}",
        "* accuracy: 94.37% +- 0.05%",
        "===",
    ]


def test_ci95_is_the_originals_and_students_stands_beside(tmp_path, write_log, capsys):
    """1.96 x 8.16 / sqrt(3), and 4.30 x 10 / sqrt(3)."""
    for seed, accuracy in ((1, 60.0), (2, 70.0), (3, 80.0)):
        write_log(f"exp/seed{seed}", accuracy)
    (tmp_path / "exp" / "table.csv").touch()
    assert main([str(tmp_path / "exp"), "--ci95"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3] == "* accuracy: 70.00% +- 9.24%" and "+- 24.84%" in lines[-2]


def test_another_keyword(folder, capsys):
    assert main([str(folder), "--keyword", "error"]) == 0
    assert "* error: 5.63% +- 0.05%" in capsys.readouterr().out


def test_several_experiments(folder, write_log, capsys):
    write_log("exp/b/seed1", 90.0)
    assert main([str(folder.parent), "--multi-exp"]) == 0
    assert capsys.readouterr().out.endswith("Average performance\n* accuracy: 92.18%\n")


def test_logs_of_tests(tmp_path, write_log, capsys):
    write_log("exp/seed1", 80.0, eval_only=True)
    assert main([str(tmp_path / "exp")]) == 2
    assert "logs of tests without training need --test-log" in capsys.readouterr().err
    assert main([str(tmp_path / "exp"), "--test-log"]) == 0
    assert "* accuracy: 80.00% +- 0.00%" in capsys.readouterr().out


def test_only_what_follows_the_signal_counts_and_the_last_of_it(tmp_path, capsys):
    log = tmp_path / "exp" / "seed1" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("* accuracy: 1.0%\nFinish training\n* accuracy: 2.0%\n* accuracy: 3.0%\n")
    assert main([str(tmp_path / "exp")]) == 0
    assert "* accuracy: 3.00%" in capsys.readouterr().out


def test_a_rerun_counts(folder, write_log, capsys):
    write_log("exp/a/seed1", 50.0, name="log.txt-2023-08-01-10-00-00")
    assert main([str(folder)]) == 0
    assert "seed1/log.txt-2023-08-01-10-00-00. accuracy: 50.00%" in capsys.readouterr().out


def test_a_rerun_that_was_stopped_does_not_hide_the_result(folder, write_log, capsys):
    write_log("exp/a/seed1", None, name="log.txt-2023-08-01-10-00-00")
    assert main([str(folder)]) == 0
    assert "seed1/log.txt. accuracy: 94.40%" in capsys.readouterr().out


def test_an_empty_folder_gets_one_sentence(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == (
        f"parse_test_res.py: there is no run in {tmp_path}: it holds no folder like seed1\n"
    )
    assert main([str(tmp_path), "--multi-exp"]) == 2
    assert "there is no experiment in" in capsys.readouterr().err


def test_an_unfinished_seed_is_named(folder, write_log, capsys):
    write_log("exp/a/seed2", 1.0, eval_only=True)
    assert main([str(folder)]) == 0
    printed = capsys.readouterr()
    assert "94.40% +- 0.00%" in printed.out and "seed2/log.txt is left out" in printed.err


def test_what_is_no_run_is_named(folder, capsys):
    (folder / "seed4").mkdir()
    assert main([str(folder)]) == 2
    assert f"{folder / 'seed4'} is no run: there is no log.txt" in capsys.readouterr().err
    assert main([str(folder / "nowhere")]) == 2
