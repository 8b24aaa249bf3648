"""The shipped table of published accuracies holds together."""

from collections import Counter, defaultdict

import pytest

from rpo.methods.traits import known_traits
from rpo.report.names import BENCHMARK, DATASETS
from rpo.report.published import FEW_SHOT_ROW, RUN, published
from rpo.report.statistics import harmonic_mean

SETTINGS = ("base2new", "cross_dataset", "domain_generalization", "later_methods")
# Paper, dataset and method whose printed H is not that of its base and new: RPO's misprint, and
# averages that are means of the datasets' H. Everything else agrees within rounding.
OTHER_H = {
    ("RPO", "Caltech101", "RPO"),
    ("Awesome list", "Average", "RPO"),
    ("TAP", "Average", "RPO"),
    ("MMA", "Average", "RPO"),
    ("RMAdapter", "Average", "RMAdapter"),
    ("Awesome list", "Average", "HPT"),
    ("CAPT", "Average", "CAPT"),
    ("CAPT", "Average", "TAC"),
    ("EvoPrompt", "Average", "EvoPrompt"),
}


def test_every_row_is_complete_and_a_percentage():
    for row in published():
        assert all(row[:5]) and 0 < row.value < 100 and len(row.source) > 10, row
        assert row.confidence in ("stated", "low"), row
        named = row.setting in SETTINGS or FEW_SHOT_ROW.fullmatch(row.setting)
        assert named or RUN.fullmatch(row.setting), row
        assert row.metric in ("base", "new", "H", "accuracy"), row
        assert row.dataset in (*DATASETS, "Average"), row
        assert (row.method in known_traits()) == (row.setting != "later_methods"), row


def test_no_number_is_there_twice():
    counts = Counter(row[:5] for row in published())
    assert [key for key, count in counts.items() if count > 1] == []


def triples():
    """Base, new and H that one paper prints together, RPO's from its authors' logs."""
    found = defaultdict(dict)
    for row in published():
        if row.setting in ("base2new", "later_methods"):
            found[row.paper, row.dataset, row.method][row.metric] = row.value
    return {key: values for key, values in found.items() if len(values) == 3}


def test_h_agrees_with_base_and_new():
    """Three rounded numbers: H may be off by 0.005, and by as much again through base and new."""
    wrong = {
        key
        for key, values in triples().items()
        if abs(values["H"] - harmonic_mean(values["base"], values["new"])) > 0.0125
    }
    assert wrong == OTHER_H - {("RPO", "Caltech101", "RPO")} and len(triples()) > 150


def test_averages_agree_with_the_datasets():
    """Columns that are printed in full: their mean is the printed average."""
    columns = defaultdict(dict)
    for row in published():
        if row.setting == "base2new":
            columns[row.paper, row.method, row.metric][row.dataset] = row.value
    full = {key: column for key, column in columns.items() if len(column) == 12}
    for (_, _, metric), column in full.items():
        if metric != "H":
            mean = sum(column[dataset] for dataset in BENCHMARK) / 11
            assert mean == pytest.approx(column["Average"], abs=0.0101)
    assert len(full) >= 18


def test_low_confidence_is_said_where_the_paper_was_not_seen():
    low = {(row.setting, row.method) for row in published() if row.confidence == "low"}
    assert {method for setting, method in low if setting != "later_methods"} <= {"CLIPLoRA"}
