"""LaTeX that fits a two-column article, compiled where there is a TeX."""

import shutil
import subprocess

import pytest

from rpo.report.formats import render
from rpo.report.latex import BOTH, WIDTH, breakable, escape, text_width
from rpo.report.statistics import summarise
from rpo.report.table import Table

HEADERS = ("dataset", "method", "config", "shots", "base", "new", "H", "H of means", "seeds")
METHODS = ("ZeroshotCLIP2", "LogisticProbe", "CoOp", "CoCoOp", "MaPLe", "RPO")


def base2new(datasets):
    accuracy = summarise([80.0, 84.0])
    rows = [
        (dataset, method, "vit_b16_c4_ep10_batch1_ctxv1", 16, *[accuracy] * 3, 82.0, "2")
        for dataset in datasets
        for method in METHODS
    ]
    return Table("base2new", "Accuracy in %", HEADERS, rows, ("H is harmonic & mean.",))


def test_base2new_is_one_column_of_an_article():
    text = render([base2new(["EuroSAT", "DTD"])], "latex")
    lines = text.splitlines()
    assert lines[0] == r"\begin{table}[tp]" and lines[-1] == r"\end{table}"
    assert r"\caption{Accuracy in \%}\smallskip" in lines
    assert text.count(r"\begin{tabular}{@{}lrrrr@{}}") == 1
    assert (
        r"RPO & 82.00{\tiny$\pm$2.00} & 82.00{\tiny$\pm$2.00} & 82.00{\tiny$\pm$2.00} & 82.00 \\"
        in lines
    )
    assert r"\multicolumn{5}{@{}l}{\textit{EuroSAT}} \\" in lines


def test_what_is_left_out_and_the_notes_are_text_below():
    last = render([base2new(["EuroSAT"])], "latex").splitlines()[-2]
    assert last.startswith(r"\parbox{\linewidth}{\scriptsize\raggedright Config: vit\_")
    assert "Shots: 16. Seeds: 2." in last and last.endswith(r"H is harmonic \& mean.}")


def test_a_column_that_differs_within_a_method_stays():
    table = base2new(["EuroSAT"])
    rows = [*table.rows, (*table.rows[0][:3], 4, *table.rows[0][4:])]
    text = render([table._replace(rows=rows)], "latex")
    assert "method & shots & base" in text and "Shots:" not in text


def test_a_long_table_is_continued_before_a_dataset():
    text = render([base2new([f"dataset {n}" for n in range(20)])], "latex")
    parts = text.split(r"\end{table}")[:-1]
    assert len(parts) > 2 and all("(continued)" in part for part in parts[1:])
    assert all(part.count(" & ") <= 5 * 46 for part in parts)
    assert all(part.split(r"\midrule")[1].strip().startswith(r"\multicolumn") for part in parts)
    assert sum(part.count("RPO &") for part in parts) == 20


def test_a_wide_table_spans_both_columns_and_is_continued_below():
    headers = ("method", *(f"seed {n}" for n in range(30)))
    text = render([Table("seeds", "Seeds", headers, [("RPO", *[80.0] * 30)])], "latex")
    assert text.startswith(r"\begin{table*}") and text.count(r"\begin{tabular}") == 2
    assert text.count("80.00") == 30


def test_special_letters_are_printed():
    assert escape("a_b & 50% $ ~ \\ ^ {x} ± <") == (
        r"a\_b \& 50\% \$ \textasciitilde{} \textbackslash{} \textasciicircum{} \{x\} $\pm$ "
        r"\textless{}"
    )
    assert breakable("a_b/c") == r"a\_\allowbreak{}b/\allowbreak{}c"


@pytest.mark.parametrize("text", ["LogisticProbe", "82.00 ± 2.00", "MWMW", "vit_b16_ep50"])
def test_widths_are_rather_too_large(text):
    """cmr8's digits are 4.25 points wide; no letter is wider than 9."""
    assert 2.3 * len(text) < text_width(text) < 9 * len(text)
    assert WIDTH < 229 and BOTH < 469


def test_it_compiles_and_nothing_is_too_wide(tmp_path):
    if not shutil.which("pdflatex"):
        pytest.skip("no TeX is here: apt-get install texlive-latex-recommended")
    wide = Table(
        "compare",
        "Wide & long",
        ("dataset", "method", "paper", *(f"number {n}" for n in range(25))),
        [("EuroSAT", "TextRefiner+PromptKD", "a/long@source_of.numbers", *[-1.5] * 25)] * 30,
        ("A note with https://example.org/a_long/path-of-many/words and ± 5 %.",),
    )
    tables = render([base2new(["EuroSAT", "DTD_$^~\\{}#&%"]), wide], "latex")
    (tmp_path / "article.tex").write_text(
        "\\documentclass[twocolumn]{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
        f"{tables}\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "article.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout and "Float too large" not in done.stdout
