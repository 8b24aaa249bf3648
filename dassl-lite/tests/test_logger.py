"""The log has what was printed, in one file, and standard output survives."""

import io
import sys

import pytest

from dassl.utils import Logger, setup_logger


def test_prints_go_to_both(tmp_path, capsys):
    setup_logger(str(tmp_path / "new" / "folder"))
    print("Finish training")
    assert (tmp_path / "new" / "folder" / "log.txt").read_text() == "Finish training\n"
    assert capsys.readouterr().out == "Finish training\n"


def test_newest_run_is_at_the_end_of_the_one_log(tmp_path, monkeypatch):
    console = sys.stdout
    for accuracy in ("50.0", "60.0"):
        monkeypatch.setattr(sys, "stdout", console)
        setup_logger(str(tmp_path))
        print(f"* accuracy: {accuracy}%")
    assert (tmp_path / "log.txt").read_text() == "* accuracy: 50.0%\n* accuracy: 60.0%\n"
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


@pytest.mark.parametrize("name", ["run.txt", "run.log"])
def test_output_can_be_the_file_itself(tmp_path, name):
    setup_logger(str(tmp_path / name))
    print("hello")
    assert (tmp_path / name).read_text() == "hello\n"


def test_second_call_moves_on_instead_of_nesting(tmp_path, capsys):
    console = sys.stdout
    setup_logger(str(tmp_path / "first"))
    print("one")
    setup_logger(str(tmp_path / "second"))
    print("two")
    setup_logger(str(tmp_path / "second"))
    print("three")
    assert sys.stdout.console is console
    assert (tmp_path / "first" / "log.txt").read_text() == "one\n"
    assert (tmp_path / "second" / "log.txt").read_text() == "two\nthree\n"
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_console_is_never_closed(tmp_path, capsys):
    with Logger(str(tmp_path / "log.txt")) as logger:
        logger.write("inside\n")
    logger.write("after\n")
    del logger
    print("still here")
    assert capsys.readouterr().out == "inside\nafter\nstill here\n"
    assert (tmp_path / "log.txt").read_text() == "inside\n"


def test_other_questions_are_answered_by_the_console(tmp_path):
    console = sys.stdout
    setup_logger(str(tmp_path))
    assert sys.stdout.encoding == console.encoding
    assert sys.stdout.isatty() == console.isatty()


def test_a_path_that_the_locale_cannot_read_is_written_all_the_same(tmp_path):
    with Logger(str(tmp_path / "log.txt"), io.StringIO()) as logger:
        logger.write("images/\udcc3\udca9 is read\n")
    assert (tmp_path / "log.txt").read_text() == "images/\\udcc3\\udca9 is read\n"


def test_no_output_means_no_change():
    console = sys.stdout
    setup_logger(None)
    assert sys.stdout is console
