"""Every table and figure has the same numbers, whatever runs there are and whatever they lack."""

from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpo.report.figures import comparing, gallery
from rpo.report.frame import build_frame
from rpo.report.measured import base2new_measured
from rpo.report.page.tables import metrics_table
from rpo.report.pivots import (
    averages_over_shots,
    base_against_new,
    labels,
    over_seeds,
    over_shots,
)
from rpo.report.pooled import groups
from rpo.report.reading import Run
from rpo.report.statistics import Summary, harmonic_mean
from rpo.report.tables import TABLES

SERIES = (("ZeroshotCLIP", "vit"), ("CoOp", "ep50"), ("RPO", "main_K4"), ("RPO", "main_K24"))
CELLS = [
    (dataset, method, config, shots, classes, seed)
    for dataset in ("ImageNet", "EuroSAT", "Digits")
    for method, config in SERIES
    for shots, seeds in (
        ((0, (-1,)),) if method == "ZeroshotCLIP" else ((1, (1, 2, 3)), (16, (1, 2, 3)))
    )
    for classes in ("base", "new", "all")
    for seed in seeds
]


@st.composite
def some_runs(draw):
    """Accuracies of some of the cells: of many, of some datasets and classes, or of few."""
    chance = draw(st.sampled_from([0.2, 0.6, 0.9]))
    random = draw(st.randoms(use_true_random=False))
    absent = draw(st.sets(st.sampled_from(["ImageNet", "Digits", "new", "all", 1, "CoOp", 3])))
    kept = [cell for cell in CELLS if not absent & set(cell) and random.random() < chance]
    return {cell: random.randrange(10000) / 100 for cell in kept or CELLS[:1]}


def frame_of(cells):
    runs = []
    for (dataset, method, config, shots, classes, seed), accuracy in cells.items():
        path = Path(dataset, config, f"seed{seed}", "results.json")
        names = (dataset, dataset, method, config, shots, classes, seed, accuracy)
        runs.append((config, Run(*names, False, "ViT-B/16", True, 100, path, {}, {})))
    return build_frame(runs)


def by_cell(cells):
    """Seed to accuracy of everything but the seed: what numbers are made of, without the report."""
    found = defaultdict(dict)
    for (*names, seed), accuracy in cells.items():
        found[tuple(names)][seed] = accuracy
    return found


def number(cell):
    return cell.mean if isinstance(cell, Summary) else cell


def rows(frame, name):
    """Rows of a table as mappings, numbers without spread."""
    return [
        dict(zip(table.headers, map(number, row), strict=True))
        for table in TABLES[name](frame)
        for row in table.rows
    ]


def same(one, other):
    assert (one is None) == (other is None) and (one is None or one == pytest.approx(other))


def drawn_points(figure):
    """Label to the (x, y) of its markers, or to the height of its level line."""
    axes, found = figure.axes[0], {}
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        line = handle[0] if isinstance(handle, tuple) else handle
        found[label] = list(zip(line.get_xdata(), line.get_ydata(), strict=True))
    return found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(some_runs())
def test_tables_are_means_over_seeds(cells):
    frame, known = frame_of(cells), by_cell(cells)

    def seeds(row, classes):
        return known[row["dataset"], row["method"], row["config"], row["shots"] or 0, classes]

    table = rows(frame, "base2new")
    for row in (row for row in table if not row["dataset"].startswith("Average")):
        base, new = seeds(row, "base"), seeds(row, "new")
        both = [harmonic_mean(base[seed], new[seed]) for seed in base if seed in new]
        for name, values in (("base", base.values()), ("new", new.values()), ("H", both)):
            same(row[name], fmean(values) if values else None)
    for row in rows(frame, "seeds"):
        same(row["mean"], fmean(seeds(row, row["classes"]).values()))
    for row in (row for row in rows(frame, "shots") if not row["dataset"].startswith("Average")):
        for shots in (0, 1, 16):
            found = seeds({**row, "shots": shots}, row["classes"])
            same(row.get(f"{shots}-shot"), fmean(found.values()) if found else None)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(some_runs())
def test_an_average_is_the_mean_of_the_rows_that_it_counts(cells):
    frame = frame_of(cells)
    table = rows(frame, "base2new")
    datasets = {row["dataset"] for row in table if not row["dataset"].startswith("Average")}
    for row in (row for row in table if row["dataset"].startswith("Average")):
        names = ("method", "shots") if row["config"] == "several" else ("method", "config", "shots")
        members = [
            other
            for other in table
            if other["dataset"] in datasets and all(other[name] == row[name] for name in names)
        ]
        complete = [one for one in members if None not in (one["base"], one["new"])]
        measured = [one for one in members if (one["base"], one["new"]) != (None, None)]
        used = complete if len(complete) > 1 else measured
        count = (
            f"({len(used)})" if len(used) == len(datasets) else f"({len(used)} of {len(datasets)})"
        )
        assert row["dataset"] == f"Average {count}"
        for name in ("base", "new", "H"):
            values = [one[name] for one in used]
            same(row[name], None if None in values else fmean(values))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(some_runs())
def test_figures_draw_the_numbers_of_the_tables(cells):
    frame = frame_of(cells)
    panels = over_shots(frame)
    shots_rows = rows(frame, "shots")
    for panel in [*panels, *averages_over_shots(panels)]:
        figure = comparing.accuracy_over_shots(gallery._curves(panel))
        title = f"Average ({len(panel.datasets)})" if panel.is_average else panel.title
        found = drawn_points(figure)
        for (method, config), label in labels(panel.curves).items():
            (row,) = [
                row
                for row in shots_rows
                if (row["dataset"], row["classes"], row["method"], row["config"])
                == (title, panel.classes, method, config)
            ]
            wanted = [row[f"{n}-shot"] for n in (1, 16) if row.get(f"{n}-shot") is not None]
            wanted = wanted or [row["0-shot"]] * 2  # a level line has two ends
            assert [y for _, y in found[label]] == pytest.approx(wanted)
    for panel in over_seeds(frame):
        for series, points in panel.curves.items():
            for shots, (seeds,) in points.items():
                key = (panel.title, *series[:2], shots, panel.classes)
                assert seeds == by_cell(cells)[key] and len(seeds) >= 3
    table = rows(frame, "base2new")
    for plane in base_against_new(frame):
        names = labels(plane.points)
        title = plane.title if len(plane.datasets) == 1 else "Average"
        figure = comparing.base_against_new(
            {label: plane.points[key].point for key, label in names.items()}
        )
        for (method, config), label in names.items():
            (row,) = [
                row
                for row in table
                if (row["method"], row["config"]) == (method, config)
                and (row["shots"] or plane.shots) == plane.shots
                and row["dataset"].startswith(
                    plane.title if len(plane.datasets) == 1 else "Average"
                )
            ]
            assert drawn_points(figure)[label] == [pytest.approx((row["base"], row["new"]))]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(some_runs())
def test_compare_and_page_have_the_numbers_of_the_tables(cells):
    frame, known = frame_of(cells), by_cell(cells)
    ours = {
        (one.dataset, *one.line[:3], one.metric): one.accuracy.mean
        for one in base2new_measured(frame)
    }
    for row in rows(frame, "base2new"):
        if row["dataset"].startswith("Average"):
            continue
        key = (row["dataset"], row["method"], row["config"], row["shots"] or 0)
        wanted_h = row["H"] if row["method"] == "RPO" else row["H"] and row["H of means"]
        for name, wanted in (("base", row["base"]), ("new", row["new"]), ("H", wanted_h)):
            same(ours.get((*key, name)), wanted)
    for group in groups(frame):
        one = group.experiment
        for row in metrics_table(group).rows:
            classes = row.cells[0].text.split()[0]
            found = known[one.dataset, one.method, one.config, one.shots, classes]
            assert row.cells[1].text == f"{fmean(found.values()):.2f}"


def test_the_average_of_unequal_seeds_is_one_number():
    """EuroSAT has three seeds, Digits two: the table said 54.17, the figure beside it 51.25."""
    accuracies = {"EuroSAT": {1: 60.0, 2: 61.0, 3: 78.0}, "Digits": {1: 40.0, 2: 44.0}}
    cells = {
        (dataset, "RPO", "main_K24", 16, classes, seed): accuracy
        for dataset, seeds in accuracies.items()
        for classes in ("base", "new")
        for seed, accuracy in seeds.items()
    }
    frame = frame_of(cells)
    average = rows(frame, "base2new")[-1]
    (plane,) = [plane for plane in base_against_new(frame) if len(plane.datasets) > 1]
    point = plane.points["RPO", "main_K24"].point
    assert average["base"] == point[0].mean == pytest.approx((199 / 3 + 42) / 2)
