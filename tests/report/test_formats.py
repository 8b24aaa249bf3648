"""`rpo report` in every format."""

import csv
import io
import json
import re

import pytest

from rpo.cli import main
from rpo.report.formats import render
from rpo.report.statistics import summarise
from rpo.report.table import Table, cell_text

TABLE = Table(
    "base2new",
    "Accuracy",
    ("dataset", "config", "base", "H"),
    [
        ("EuroSAT", "main_K24", summarise([80.0, 84.0]), None),
        ("Digits", "main_K24", summarise([50.0]), 1 / 3),
    ],
    ("A note.",),
)


@pytest.fixture
def report(write_run, tmp_path, capsys):
    """A function that runs `rpo report` on two seeds, and returns what it prints."""
    for seed, accuracy in ((1, 80.123456), (2, 84.0)):
        write_run(accuracy, seed=seed)

    def run(*options):
        assert main(["report", str(tmp_path), "--table", "base2new", *options]) == 0
        return capsys.readouterr()

    return run


def test_markdown():
    assert render([TABLE], "markdown") == (
        "### Accuracy\n\n"
        "| dataset   | config   |         base |    H |\n"
        "|:----------|:---------|-------------:|-----:|\n"
        "| EuroSAT   | main_K24 | 82.00 ± 2.00 |    - |\n"
        "| Digits    | main_K24 |        50.00 | 0.33 |\n\n"
        "± is the standard deviation over seeds (population, as in the papers).\n\n"
        "A note.\n"
    )


def test_terminal():
    lines = render([TABLE], "terminal", "none").splitlines()
    assert lines[0] == "Accuracy" and lines[-1] == "A note."
    assert lines[4].split() == ["EuroSAT", "main_K24", "82.00", "-"]


def test_csv_has_a_column_for_the_spread():
    rows = list(csv.reader(io.StringIO(render([TABLE], "csv", "ci95"))))
    assert rows == [
        ["dataset", "config", "base", "base ci95", "H"],
        ["EuroSAT", "main_K24", "82.00", "25.41", ""],
        ["Digits", "main_K24", "50.00", "", "0.33"],
    ]


HOSTILE = ("=1+1", "+1", "-1+1", "@SUM(1)", "a|b", "<b>x</b>", "50%_$#{}~^")


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_is_neither_formula_nor_markup(text):
    table = Table("x", f"On {text}", ("name", text), [(text, -1.5)], (f"Note {text}",))
    (_, (name, number)) = csv.reader(io.StringIO(render([table], "csv")))
    assert name == (f"'{text}" if text[0] in "=+-@" else text) and number == "-1.50"
    rows = [line for line in render([table], "markdown").splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows)
    assert "<b>" not in render([table], "markdown")
    assert json.loads(render([table], "json"))[0]["rows"] == [{"name": text, text: -1.5}]


def test_several_tables_in_one_csv():
    text = render([TABLE, TABLE], "csv")
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# Accuracy"] * 2


def test_json_is_of_full_precision():
    (table,) = json.loads(render([TABLE], "json"))
    assert table["table"] == "base2new" and table["notes"] == ["A note."]
    assert table["rows"][1]["H"] == 1 / 3 and table["rows"][0]["H"] is None
    assert table["rows"][0]["base"]["std"] == 2.0


def test_a_zero_has_no_sign():
    assert cell_text(-0.001) == "0.00"


def test_no_terminal_means_markdown(report):
    assert report().out.startswith("### Base-to-new")


def test_spreads(report):
    assert "82.06 ± 1.94" in report().out
    assert "82.06 ± 24.63" in report("--spread", "ci95").out
    assert "82.06 |" in report("--spread", "none").out


def test_the_files_ending_chooses_the_format(report, tmp_path):
    assert report("-o", str(tmp_path / "table.json")).out == ""
    (row,) = json.loads((tmp_path / "table.json").read_text())[0]["rows"]
    assert row["base"]["low"] == 80.123456
    printed = report("-o", str(tmp_path / "table.tex"))
    assert "toprule" in (tmp_path / "table.tex").read_text()
    assert r"needs \usepackage{booktabs}" in printed.err


@pytest.mark.parametrize("name", ["table.pdf", "table.html", "table.markdwn"])
def test_an_ending_of_no_format_is_refused(name, tmp_path, capsys):
    for command in ("report", "compare"):
        assert main([command, str(tmp_path), "-o", str(tmp_path / name)]) == 2
        assert "tables are written as .txt, .md, .tex, .csv, .json" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_notes_that_a_csv_has_no_room_for(report):
    printed = report("--format", "csv")
    assert printed.out.startswith("dataset,") and "± is the standard deviation" in printed.err


def test_a_mistyped_table_names_the_choices(report, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path), "--table", "base2neww"])
    assert "transfer" in capsys.readouterr().err


def test_an_empty_folder(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"no results.json and no log.txt in or below {tmp_path}" in said
